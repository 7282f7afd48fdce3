import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import type { EnvVar } from './podTemplate.ts';

export type Tracing = NonNullable<NonNullable<WhatsAppDeployment['spec']['emulator']>['tracing']>;

/** The standard variables of OpenTelemetry. Nothing while the field is not set, so that existing pods stay. */
export function tracingVariables(
  tracing: Tracing | undefined,
  stack?: { readonly namespace: string; readonly name: string },
): EnvVar[] {
  if (!tracing) return [];
  const { endpoint, samplingPercent, headersSecretRef } = tracing;
  return [
    { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: endpoint },
    { name: 'OTEL_TRACES_SAMPLER', value: 'parentbased_traceidratio' },
    { name: 'OTEL_TRACES_SAMPLER_ARG', value: String(samplingPercent / 100) },
    ...(stack
      ? [
          {
            name: 'OTEL_RESOURCE_ATTRIBUTES',
            value: `k8s.namespace.name=${stack.namespace},waba.stack=${stack.name}`,
          },
        ]
      : []),
    ...(headersSecretRef
      ? [{ name: 'OTEL_EXPORTER_OTLP_HEADERS', valueFrom: { secretKeyRef: { ...headersSecretRef } } }]
      : []),
  ];
}
