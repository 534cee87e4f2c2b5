/** Fills parsed templates in. Stricter than Helm: a field of nothing, a function that is not known and a value that is none all throw. */
import { isEmpty, printed, TEMPLATE_FUNCTIONS } from './template-functions.ts';
import type { Expression } from './template-pipeline.ts';
import type { TemplateNode } from './template-syntax.ts';

type Defined = ReadonlyMap<string, readonly TemplateNode[]>;

interface Scope {
  readonly defined: Defined;
  readonly dot: unknown;
  /** By name, `$` among them. Blocks see those around them, and keep their own. */
  readonly variables: Map<string, unknown>;
}

/** `root` is what `.` and `$` are. */
export function rendered(body: readonly TemplateNode[], defined: Defined, root: unknown): string {
  return inScope(body, { defined, dot: root, variables: new Map([['$', root]]) });
}

function inScope(body: readonly TemplateNode[], scope: Scope): string {
  return body.map((node) => renderedNode(node, scope)).join('');
}

function renderedNode(node: TemplateNode, scope: Scope): string {
  switch (node.kind) {
    case 'text':
      return node.text;
    case 'print':
      return printed(valueOf(node.value, scope));
    case 'set':
      scope.variables.set(node.variable, valueOf(node.value, scope));
      return '';
    case 'block':
      return renderedBlock(node, scope);
  }
}

function renderedBlock({ block, arms }: TemplateNode & { kind: 'block' }, scope: Scope): string {
  for (const { on, body } of arms) {
    const value = on === undefined ? undefined : valueOf(on, scope);
    if (on !== undefined && isEmpty(value)) continue;
    const inside = (dot: unknown): string =>
      inScope(body, { ...scope, dot, variables: new Map(scope.variables) });
    if (on === undefined || block === 'if') return inside(scope.dot);
    if (block === 'with') return inside(value);
    if (!Array.isArray(value)) throw new Error('range over what is no list');
    return value.map(inside).join('');
  }
  return '';
}

function valueOf(expression: Expression, scope: Scope): unknown {
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'name':
      return named(expression.name, scope);
    case 'field':
      return fieldOf(expression, scope);
    case 'call':
      return called(expression, scope);
  }
}

function named(name: string, { dot, variables }: Scope): unknown {
  if (name === '') return dot;
  if (!variables.has(name)) throw new Error(`no variable ${name}`);
  return variables.get(name);
}

function fieldOf({ of, name, args }: Expression & { kind: 'field' }, scope: Scope): unknown {
  const target = valueOf(of, scope);
  if (target === null || typeof target !== 'object') throw new Error(`field ${name} of nothing`);
  const value: unknown = Reflect.get(target, name);
  if (typeof value !== 'function') {
    if (args.length > 0) throw new Error(`${name} takes no arguments`);
    return value;
  }
  const method = value as (...given: unknown[]) => unknown;
  return method(...args.map((argument) => valueOf(argument, scope)));
}

function called(call: Expression & { kind: 'call' }, scope: Scope): unknown {
  const args = call.args.map((argument) => valueOf(argument, scope));
  if (call.function === 'include') {
    const [name, given] = args;
    const body = scope.defined.get(printed(name));
    if (body === undefined) throw new Error(`no template ${printed(name)}`);
    return rendered(body, scope.defined, given);
  }
  const implementation = TEMPLATE_FUNCTIONS[call.function];
  if (implementation === undefined) throw new Error(`no function ${call.function}`);
  return implementation(...args);
}
