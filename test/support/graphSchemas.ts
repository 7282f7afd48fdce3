import { Ajv, type ErrorObject } from 'ajv';
import excerpt from '../openapi/graphSchemas.json' with { type: 'json' };

type Schema = Readonly<Record<string, unknown>>;

const schemas = excerpt.schemas as unknown as Readonly<Record<string, Schema>>;
const operations = excerpt.operations as unknown as Readonly<
  Record<string, { readonly request?: Schema; readonly answer?: Schema }>
>;
export type Operation = keyof typeof excerpt.operations;

const nameIn = (reference: unknown): string => String(reference).split('/').at(-1) ?? '';

/**
 * A schema without references, whose objects have no other properties than those it names. The vendor's own objects are
 * open, and parts of `allOf` that are closed contradict each other: its own examples would be wrong.
 */
function closed(schema: unknown, isPart = false): unknown {
  if (Array.isArray(schema)) return schema.map((each) => closed(each));
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $ref, allOf, discriminator: _, ...own } = schema as Schema;
  if ($ref !== undefined) return closed(schemas[nameIn($ref)], isPart);
  if (Array.isArray(allOf)) return closed(merged(allOf.map((part) => closed(part, true) as Schema)), isPart);
  // What a choice allows stands in its branches.
  const isOpen = isPart || own.oneOf !== undefined || own.properties === undefined;
  const inner = Object.fromEntries(
    Object.entries(own)
      .filter(([key]) => key !== 'additionalProperties')
      .map(([key, value]) => [key, innerOf(key, value)]),
  );
  return isOpen ? inner : { ...inner, additionalProperties: false };
}

/** The branches of a choice stand beside what is common to them. */
function innerOf(key: string, value: unknown): unknown {
  if (key === 'properties') return closedAll(value as Schema);
  return key === 'oneOf' && Array.isArray(value)
    ? value.map((branch) => closed(branch, true))
    : closed(value);
}

const closedAll = (properties: Schema): Schema =>
  Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, closed(schema)]));

const merged = (parts: readonly Schema[]): Schema => ({
  type: 'object',
  properties: Object.assign({}, ...parts.map(({ properties }) => properties)),
  required: [...new Set(parts.flatMap(({ required }) => (required as string[] | undefined) ?? []))],
});

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });

/** How a value deviates from a schema, a line each. Positions in lists are left out. */
function deviations(where: string, schema: unknown, value: unknown): string[] {
  const validate = ajv.compile(closed(schema) as object);
  if (validate(value)) return [];
  return (validate.errors ?? [])
    .filter(({ schemaPath }) => !/\/oneOf\/\d/.test(schemaPath))
    .map((error) => `${where}${error.instancePath.replace(/\/\d+(?=\/|$)/g, '/*')} ${wordsOf(error)}`);
}

function wordsOf({ keyword, params, message }: ErrorObject): string {
  if (keyword === 'additionalProperties')
    return `has ${params.additionalProperty}, which the schema does not know`;
  if (keyword === 'required') return `lacks ${params.missingProperty}`;
  return `${message}${keyword === 'enum' ? ` ${JSON.stringify(params.allowedValues)}` : ''}`;
}

/** Of the schema by the type of a message. */
function byType(where: string, name: string, message: unknown): string[] {
  const { type } = message as { type: string };
  const { mapping = {} } = (schemas[name]?.discriminator ?? {}) as { mapping?: Record<string, string> };
  if (mapping[type] === undefined) return [`${where} is of the type ${type}, which the schema does not know`];
  // What the message itself lacks or has is the same for most types.
  const inner = `${where} (${type})`;
  return deviations(inner, { $ref: mapping[type] }, message).map((line) =>
    line.startsWith(`${inner} `) ? line.replace(inner, where) : line,
  );
}

export const requestDeviations = (operation: Operation, body: unknown): string[] =>
  operation === 'message'
    ? byType('request message', 'Message', body)
    : deviations(`request ${operation}`, operations[operation]?.request ?? {}, body);

export const answerDeviations = (operation: Operation, body: unknown): string[] =>
  deviations(`answer ${operation}`, operations[operation]?.answer ?? {}, body);

interface Posted {
  readonly entry: readonly { readonly changes: readonly { readonly value: Schema }[] }[];
}

export function webhookDeviations(body: unknown): string[] {
  const values = (body as Posted).entry.flatMap(({ changes }) => changes.map(({ value }) => value));
  return values.flatMap((value) => {
    const { statuses, messages = [] } = value as { statuses?: object[]; messages?: { type: string }[] };
    if (statuses) return deviations('webhook', { $ref: 'StatusMessageValue' }, value);
    if (messages.some(({ type }) => type === 'system'))
      return deviations('webhook', { $ref: 'IncomingMessageValueSystem' }, value).map((line) =>
        line.replace('webhook/messages/* ', 'webhook message '),
      );
    return [
      ...deviations('webhook', { $ref: 'IncomingMessageValueGeneral' }, { ...value, messages: [] }),
      ...messages.flatMap((message) => byType('webhook message', 'IncomingMessage', message)),
    ];
  });
}
