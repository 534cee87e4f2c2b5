/** The reader of Helm's templates that renders the chart in tests: what it does with white space and blocks, and that it passes nothing over. */
import { describe, expect, it } from 'vitest';
import { rendered } from '../../support/chart/template-renderer.ts';
import { parseTemplate } from '../../support/chart/template-syntax.ts';

const root = { Values: { brokers: ['a', 'b'], empty: {}, name: 'fleet', replicas: 3 } };

function filled(source: string): string {
  const { body, defined } = parseTemplate(source);
  return rendered(body, defined, root);
}

describe('a template', () => {
  it.each([
    ['a: {{ .Values.name }}', 'a: fleet'],
    ['a \n{{- /* why */}} b', 'a b'],
    ['a {{- "x" -}} \n b', 'axb'],
    ['{{ if .Values.empty }}a{{ else if .Values.name }}b{{ else }}c{{ end }}', 'b'],
    ['{{ with .Values.name }}{{ . }} of {{ $.Values.replicas }}{{ end }}', 'fleet of 3'],
    ['{{ $n := .Values.name }}{{ range .Values.brokers }}{{ $n }}-{{ . }} {{ end }}', 'fleet-a fleet-b '],
    ['{{ define "x" }}<{{ .k }}>{{ end }}{{ include "x" (dict "k" "v") | quote }}', '"<v>"'],
    ['{{ printf "%s-%s" .Values.name "x" | trunc 6 | trimSuffix "-" }}', 'fleet'],
    ['a:{{ toYaml .Values.brokers | nindent 2 }}', 'a:\n  - a\n  - b'],
  ])('%s', (source, text) => {
    expect(filled(source)).toBe(text);
  });

  it.each([
    ['{{ if .Values.name }}a', 'is not closed'],
    ['a{{ end }}', 'closes nothing'],
    ['{{ .Values.name | upper }}', 'no function upper'],
    ['{{ .Values.none.deep }}', 'field deep of nothing'],
    ['{{ .Values.none }}', 'printed as it is'],
    ['{{ .Values.empty }}', 'printed as it is'],
    ['{{ include "y" . }}', 'no template y'],
    ['{{ $x }}', 'no variable $x'],
    ['{{ .Values.name; }}', 'cannot be read'],
    ['{{ (.Values.name }}', 'is not closed'],
    ['{{ .Values.name ) }}', 'is too much'],
  ])('%s is refused', (source, why) => {
    expect(() => filled(source)).toThrow(why);
  });
});
