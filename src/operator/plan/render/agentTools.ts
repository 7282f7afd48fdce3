import { CONTAINERS } from '../../../backup/contract/contract.ts';
import { dumpScript } from '../../../backup/contract/dumpScript.ts';
import { databaseClusters } from '../../resource/databaseClusters.ts';
import { type ManagedEngine, managedEngines } from '../../resource/managedEngines.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { clusterChoice } from '../facts/databaseCluster.ts';
import { DATABASE_IMAGES, type ReleaseImages } from '../facts/release.ts';
import { databaseAddress } from '../facts/stackSettings.ts';
import type { AgentWork } from './agentWork.ts';
import type { PodRelease } from './nodeInputs.ts';
import { databaseCertificates, databaseVariables } from './stackEnvironment.ts';
import { throwAwayServer } from './throwAwayServer.ts';

interface Input {
  readonly stack: WhatsAppDeployment | undefined;
  readonly release: PodRelease;
  readonly offered: ReleaseImages;
  readonly work: AgentWork;
}

/** The container with the database's own tools, and how it and the program reach the server; undefined if the work needs none. */
export function agentTools({ stack, release, offered, work }: Input) {
  if (work.command === 'verify') {
    const image = throwAwayImage(work.engine, stack, release, offered);
    const server = throwAwayServer(work.engine, image);
    return {
      ...toolsContainer(server.protocol, image, server.variables),
      certificates: undefined,
      server,
    };
  }
  if (!stack || (work.command !== 'run' && work.command !== 'restore')) return undefined;
  return {
    ...toolsContainer(
      databaseAddress(stack).engine,
      databaseImage(stack, release, offered),
      databaseVariables(stack, release),
    ),
    certificates: databaseCertificates(stack, release),
    server: undefined,
  };
}

const toolsContainer = (
  protocol: 'PGSQL' | 'MYSQL',
  image: string,
  env: ReturnType<typeof databaseVariables>,
) => ({
  variables: env,
  container: { name: CONTAINERS.dump, image, command: ['/bin/sh', '-c', dumpScript(protocol)], env },
});

/** An image with the tools of the engine. Of an external server nobody knows the version; new tools read old servers. */
function databaseImage(stack: WhatsAppDeployment, release: PodRelease, offered: ReleaseImages): string {
  const { images, database } = stack.spec;
  if (images?.database) return images.database;
  if (database.managed) return `${release.database}:${database.managed.version ?? release.databaseVersion}`;
  return offeredImage(databaseEngine(stack), offered);
}

const offeredImage = (engine: ManagedEngine, offered: ReleaseImages): string => {
  const { image, version } = managedEngines[engine];
  return `${offered[DATABASE_IMAGES[engine]] ?? image}:${version}`;
};

/** That of the stack, unless the stack is gone or has another engine than when the backup was made. */
const throwAwayImage = (
  engine: ManagedEngine,
  stack: WhatsAppDeployment | undefined,
  release: PodRelease,
  offered: ReleaseImages,
): string =>
  stack && databaseEngine(stack) === engine
    ? databaseImage(stack, release, offered)
    : offeredImage(engine, offered);

/** The engine of a stack's database. Of an external MariaDB it is MySQL, whose protocol it speaks. */
export function databaseEngine(stack: WhatsAppDeployment): ManagedEngine {
  const { managed, external } = stack.spec.database;
  const cluster = clusterChoice(stack);
  if (cluster) return databaseClusters[cluster.field].engine;
  return managed?.engine ?? external?.engine ?? 'PostgreSQL';
}
