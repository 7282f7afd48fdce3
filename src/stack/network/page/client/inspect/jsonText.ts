/** JSON in lines, each a list of tokens with what they are, for colours. */
export interface Token {
  readonly kind: 'key' | 'string' | 'number' | 'literal' | 'mark';
  readonly text: string;
}

const TOKENS = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)|([{}[\],\s]+)/g;

export const jsonLines = (value: unknown): string[] => pretty(value).split('\n');

const pretty = (value: unknown): string => JSON.stringify(value, undefined, 2) ?? 'undefined';

export function tokensOf(line: string): Token[] {
  return [...line.matchAll(TOKENS)].flatMap(([text, string, colon, number, literal]): Token[] => {
    if (string !== undefined && colon !== undefined)
      return [
        { kind: 'key', text: string },
        { kind: 'mark', text: colon },
      ];
    if (string !== undefined) return [{ kind: 'string', text: string }];
    if (number !== undefined) return [{ kind: 'number', text: number }];
    return [{ kind: literal === undefined ? 'mark' : 'literal', text }];
  });
}
