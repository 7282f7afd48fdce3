# Three images from one build: --target operator, --target stack, --target emulator.
#
#   NODE_BASE   what the images stand on: Node at /nodejs/bin/node and nothing else that runs
#   BUILD_BASE  what builds them: Node and npm
#
# The last stages only copy, so that images of another architecture need no emulation.
ARG NODE_BASE=gcr.io/distroless/nodejs24-debian13:nonroot
ARG BUILD_BASE=docker.io/library/node:24.11.1-bookworm-slim

FROM --platform=$BUILDPLATFORM ${BUILD_BASE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json LICENSE ./
COPY scripts ./scripts
COPY src ./src
RUN node scripts/build.mjs --images /out

FROM ${NODE_BASE} AS base
# Whoever runs these images without Kubernetes gets no root either.
USER 65532:65532
ENV NODE_ENV=production
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=https://github.com/waba-operator/waba-operator
LABEL org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.source=$SOURCE \
      org.opencontainers.image.licenses=Apache-2.0

FROM base AS operator
LABEL org.opencontainers.image.title=waba-operator \
      org.opencontainers.image.description="Kubernetes operator for WhatsApp Business On-Premises stacks"
COPY --from=build /out/waba-operator/ /
ENTRYPOINT ["/usr/local/bin/waba-operator"]

FROM base AS stack
# The vendor's builds expire 180 days after their date, and say so in this label.
ARG EXPIRES_ON=""
LABEL org.opencontainers.image.title=waba-stack \
      org.opencontainers.image.description="WhatsApp Business On-Premises stack: our implementation of Webapp, Coreapp, Master and network" \
      EXPIRES_ON=$EXPIRES_ON
COPY --from=build --chown=65532:65532 /out/waba-stack/ /
ENTRYPOINT ["/usr/local/bin/waba-emulator"]
CMD ["--help"]

# The stack as one container that needs nothing else: docker run -p 9090:9090 -p 9091:9091 waba-emulator
FROM stack AS emulator
LABEL org.opencontainers.image.title=waba-emulator \
      org.opencontainers.image.description="Emulator of the WhatsApp Business On-Premises API, for tests"
EXPOSE 9090 9091
HEALTHCHECK --interval=2s --timeout=3s --start-period=10s --retries=5 \
  CMD ["/nodejs/bin/node", "-e", "fetch('http://127.0.0.1:9091/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["laptop", "--host", "0.0.0.0"]
