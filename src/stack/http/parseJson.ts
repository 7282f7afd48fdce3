/** Deeper values overflow the stack of whatever walks them: validation, the link between processes, the database. */
const DEEPEST = 64;

/** The text is no JSON, or JSON that nothing here can work with. */
export class BadJson extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadJson';
  }
}

/** JSON from outside; a blank text is `{}`. @throws BadJson */
export function parseJson(text: string): unknown {
  if (text.trim() === '') return {};
  if (isDeeperThan(DEEPEST, text)) throw new BadJson(`the body is nested more than ${DEEPEST} levels deep`);
  try {
    return JSON.parse(text);
  } catch {
    throw new BadJson('the body is not valid JSON');
  }
}

function isDeeperThan(levels: number, text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const character = text.charCodeAt(index);
    if (inString) {
      if (character === 0x5c) index += 1;
      else if (character === 0x22) inString = false;
    } else if (character === 0x22) inString = true;
    else if (character === 0x5b || character === 0x7b) {
      depth += 1;
      if (depth > levels) return true;
    } else if (character === 0x5d || character === 0x7d) depth -= 1;
  }
  return false;
}
