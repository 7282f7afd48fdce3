import * as z from 'zod';
import { objectName, volumeSize } from './fields.ts';

/** A volume that the operator, or another one for it, creates. */
export const storageSpec = (defaultSize: string) =>
  z.object({
    size: volumeSize(
      'Size of the volume. It can grow, if the storage class allows it, and never shrinks.',
    ).default(defaultSize),
    storageClassName: objectName(
      'Storage class; cannot be changed. Default: that of the cluster.',
    ).optional(),
  });
