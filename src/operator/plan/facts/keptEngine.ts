import type { ManagedEngine } from '../../resource/managedEngines.ts';
import { names } from './names.ts';
import type { Observation } from './observed.ts';

/**
 * The engine whose data the volume of a managed database holds; undefined without a volume or a journal. The volume outlives
 * the resource, and a time with an external database.
 */
export const keptEngine = ({
  resource,
  children,
  journal,
}: Pick<Observation, 'resource' | 'children' | 'journal'>): ManagedEngine | undefined =>
  journal?.release && children.has(`PersistentVolumeClaim/${names(resource.metadata.name).databaseClaim}`)
    ? (journal.release.databaseEngine ?? 'PostgreSQL')
    : undefined;
