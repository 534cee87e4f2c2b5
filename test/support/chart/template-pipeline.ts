/** What stands between braces in a template of Helm, as far as the chart uses it: fields, variables, literals, calls and pipes. */

export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  /** "" is the dot, "$" what a template was given, "$x" a variable. */
  | { readonly kind: 'name'; readonly name: string }
  | {
      readonly kind: 'field';
      readonly of: Expression;
      readonly name: string;
      readonly args: readonly Expression[];
    }
  | { readonly kind: 'call'; readonly function: string; readonly args: readonly Expression[] };

const TOKEN = /(\s*)("(?:[^"\\]|\\.)*"|\d+|[A-Za-z]\w*|\$?\w*(?:\.\w+)+|\$\w*|\.|[|()])/y;

interface Token {
  readonly text: string;
  /** Nothing stands between it and the one before. */
  readonly joined: boolean;
}

/** Throws at what it does not know, so that nothing is passed over. */
export function parsePipeline(source: string): Expression {
  const tokens = tokensOf(source);
  const parsed = pipeline(tokens);
  if (tokens.length > 0) throw new Error(`"${tokens[0]?.text}" is too much in {{ ${source} }}`);
  return parsed;
}

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const [found, space, text] = TOKEN.exec(source) ?? [];
    if (found === undefined) throw new Error(`cannot be read: {{ ${source} }}`);
    tokens.push({ text: text ?? '', joined: space === '' });
  }
  return tokens;
}

/** What is left of a pipe is the last argument of what is right of it. */
function pipeline(tokens: Token[]): Expression {
  let value = command(tokens);
  while (tokens[0]?.text === '|') {
    tokens.shift();
    const next = command(tokens);
    if (next.kind !== 'call') throw new Error('a pipe leads to what is no function');
    value = { ...next, args: [...next.args, value] };
  }
  return value;
}

function command(tokens: Token[]): Expression {
  const first = operand(tokens);
  const args: Expression[] = [];
  while (tokens.length > 0 && !['|', ')'].includes(tokens[0]?.text ?? '')) args.push(operand(tokens));
  if (args.length === 0) return first;
  if (first.kind === 'call' || first.kind === 'field') return { ...first, args };
  throw new Error(`a ${first.kind} with arguments`);
}

function operand(tokens: Token[]): Expression {
  const token = tokens.shift();
  if (token === undefined) throw new Error('an expression ends too early');
  const { text } = token;
  if (text === '(') return inParentheses(tokens);
  if (text.startsWith('"')) return { kind: 'literal', value: JSON.parse(text) as string };
  if (/^\d/.test(text)) return { kind: 'literal', value: Number(text) };
  if (text === 'true' || text === 'false') return { kind: 'literal', value: text === 'true' };
  if (text.startsWith('.') || text.startsWith('$')) return path(text);
  if (/^[A-Za-z]/.test(text)) return { kind: 'call', function: text, args: [] };
  throw new Error(`"${text}" is no value`);
}

function inParentheses(tokens: Token[]): Expression {
  const inner = pipeline(tokens);
  if (tokens.shift()?.text !== ')') throw new Error('a parenthesis is not closed');
  const next = tokens[0];
  if (next?.joined !== true || !next.text.startsWith('.')) return inner;
  tokens.shift();
  return fields(inner, next.text);
}

function path(text: string): Expression {
  const [name = ''] = text.split('.', 1);
  return fields({ kind: 'name', name }, text.slice(name.length));
}

function fields(of: Expression, names: string): Expression {
  return names
    .split('.')
    .filter((name) => name !== '')
    .reduce<Expression>((inner, name) => ({ kind: 'field', of: inner, name, args: [] }), of);
}
