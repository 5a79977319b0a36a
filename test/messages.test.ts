import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

/** Functions that make an error of their first or second argument. */
const MAKERS: Readonly<Record<string, number>> = { FedcardioError: 1, badWeights: 0 };

/** Whether an expression that is known here can end without a full stop. An empty hint is none. Other expressions, such as a variable, are not judged. */
function lacksStop(node: ts.Expression): boolean {
  if (ts.isParenthesizedExpression(node)) return lacksStop(node.expression);
  if (ts.isConditionalExpression(node)) return lacksStop(node.whenTrue) || lacksStop(node.whenFalse);
  if (ts.isBinaryExpression(node)) return lacksStop(node.right);
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return !/(^|\.)$/.test(node.text);
  if (!ts.isTemplateExpression(node)) return false;
  const last = node.templateSpans.at(-1) as ts.TemplateSpan;
  return last.literal.text === '' ? lacksStop(last.expression) : !last.literal.text.endsWith('.');
}

function faultsOf(file: string, text: string): readonly string[] {
  if (!/FedcardioError|badWeights|hint/.test(text)) return [];
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const faults: string[] = [];
  const check = (node: ts.Expression | undefined) => {
    if (!node || !lacksStop(node)) return;
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    faults.push(`${file}:${line + 1}: ${node.getText()}`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) || ts.isCallExpression(node)) {
      const at = MAKERS[node.expression.getText()];
      if (at !== undefined) check(node.arguments?.[at]);
    }
    if (ts.isPropertyAssignment(node) && node.name.getText() === 'hint') check(node.initializer);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return faults;
}

const files = ['lib', 'cli', 'gpu-tasks', 'handlers', 'local', 'cdk']
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)))
  .filter((file) => file.endsWith('.ts') && !/testing|\.test\.ts$|node_modules|cdk\.out/.test(file));

test('every message and every hint is a sentence with a full stop', () => {
  const faults = files.flatMap((file) => faultsOf(file, readFileSync(file, 'utf8')));

  expect(files.length).toBeGreaterThan(200);
  expect(faults).toEqual([]);
});

test.each([
  ["new FedcardioError('BAD_KEY', 'It is bad')", 1],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
  ["new FedcardioError('BAD_KEY', `It is ${bad}: worse`, { hint: 'Mend it.' })", 1],
  ["new FedcardioError('BAD_KEY', bad ? 'It is bad.' : `It is not`)", 1],
  ["new FedcardioError('BAD_KEY', 'It is bad.', { hint: 'Mend it' })", 1],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
  ['badWeights(`${name} is bad`)', 1],
  ["new FedcardioError('BAD_KEY', 'It is bad.', { hint: 'Mend it.' })", 0],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
  ["new FedcardioError('BAD_KEY', `${where}: ${cause.message}`)", 0],
])('%s has %i faults', (text, faults) => {
  expect(faultsOf('x.ts', text)).toHaveLength(faults);
});
