import { createHash } from 'node:crypto';
import type { Attributes } from '@opentelemetry/api';
import { isTracing } from '../../base/tracing/tracingState.ts';

/** Attributes of spans about a message. Its id holds a phone number, so a part of its SHA-256 stands for it. */
export const messageAttributes = (id: string, type?: string): Attributes =>
  isTracing()
    ? {
        'waba.message.hash': createHash('sha256').update(id).digest('hex').slice(0, 16),
        ...(type === undefined ? {} : { 'waba.message.type': type }),
      }
    : {};
