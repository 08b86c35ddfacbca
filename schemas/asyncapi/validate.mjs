// Validates an AsyncAPI document with AsyncAPI's own parser, its Avro payloads included:
//
//     node validate.mjs asyncapi.yaml
//
// Prints one line for a sound document; otherwise every error, and exits with 1. Warnings are printed too, and what is
// less is left out: that there is a newer AsyncAPI, for one.

import { AvroSchemaParser } from '@asyncapi/avro-schema-parser';
import { Parser, fromFile } from '@asyncapi/parser';

// The parser's severities are numbers, the gravest 0.
const GRAVE = ['error', 'warning'];

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: node validate.mjs ASYNCAPI_DOCUMENT');
  process.exit(2);
}

const avro = AvroSchemaParser();
const parser = new Parser();
parser.registerSchemaParser(avro);
const { document, diagnostics, extras } = await fromFile(parser, path).parse();

for (const { code, message, path: where, range, severity } of diagnostics) {
  if (severity in GRAVE) {
    const at = `${path}:${range.start.line + 1}:${range.start.character + 1}`;
    console.error(`${at}: ${GRAVE[severity]} ${code}: ${message} (${where.join(' / ')})`);
  }
}
if (document === undefined || diagnostics.some(({ severity }) => GRAVE[severity] === 'error')) {
  process.exit(1);
}

// In a document of AsyncAPI 3 the parser converts payloads of other formats, and validates them by their outline only.
let payloads = 0;
for (const [name, { payload }] of Object.entries(extras.document.data.components.messages)) {
  if (avro.getMimeTypes().includes(payload.schemaFormat)) {
    const problems = await avro.validate({ data: payload.schema });
    problems.forEach(({ message }) => console.error(`${path}: error avro: ${message} (payload of ${name})`));
    process.exitCode ||= Math.min(problems.length, 1);
    payloads += 1;
  }
}
if (!process.exitCode) {
  const [channels, operations, messages] = [document.channels(), document.operations(), document.messages()];
  console.log(
    `${path}: AsyncAPI ${document.version()}, ${channels.length} channels, ${operations.length} operations, ` +
      `${messages.length} messages (${payloads} in Avro), no errors`,
  );
}
