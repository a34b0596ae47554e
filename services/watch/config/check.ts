// A file held against its schema: what ajv says of it, in words for whoever wrote the file.
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { type Place, type Problem, suggestion } from './problem.ts';
import { SCHEMA } from './schema.ts';
import type { ConfigurationFile } from './shape.ts';

type Checked = { readonly file: ConfigurationFile } | { readonly problems: readonly Problem[] };

/** Made once: it costs more than all else that is done with a file. */
let validate: ValidateFunction<ConfigurationFile> | null = null;

function compiled(): ValidateFunction<ConfigurationFile> {
  const ajv = new Ajv({ allErrors: true, verbose: true, discriminator: true, strict: true, strictRequired: false });
  ajv.addKeyword('patternErrorMessage');
  ajv.addKeyword('errorMessage');
  return ajv.compile<ConfigurationFile>(SCHEMA);
}

export function checkShape(value: unknown): Checked {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { problems: [{ place: [], message: 'the file must hold fields, such as volumes:' }] };
  validate ??= compiled();
  if (validate(value)) return { file: value };
  return { problems: problemsOf(validate.errors ?? [], value) };
}

/** A union says which of its forms was meant: the one whose type fits. */
function problemsOf(errors: readonly ErrorObject[], value: unknown): readonly Problem[] {
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf').map(({ instancePath }) => instancePath);
  const isTypeOfUnion = ({ keyword, instancePath }: ErrorObject): boolean =>
    keyword === 'type' && unions.includes(instancePath);
  const told = errors.filter((error) => {
    // What is missing says more.
    if (error.keyword === 'propertyNames' || error.keyword === 'if') return false;
    if (isTypeOfUnion(error)) return false;
    if (error.keyword !== 'anyOf') return true;
    // Told where neither form says more.
    const path = error.instancePath;
    return !errors.some(
      (one) =>
        one.keyword !== 'anyOf' &&
        !isTypeOfUnion(one) &&
        (one.instancePath === path || one.instancePath.startsWith(`${path}/`)),
    );
  });
  return told.map((error) => problemOf(error, value));
}

function problemOf(error: ErrorObject, value: unknown): Problem {
  const { keyword, propertyName } = error;
  const place = placeOf(error.instancePath, value);
  const params = error.params as Readonly<Record<string, unknown>>;
  const schema = (error.parentSchema ?? {}) as Readonly<Record<string, unknown>>;
  if (propertyName !== undefined)
    return { place: [...place, propertyName], isKey: true, message: String(schema['patternErrorMessage']) };
  switch (keyword) {
    case 'additionalProperties': {
      const name = String(params['additionalProperty']);
      const known = Object.keys(schema['properties'] ?? {});
      return { place: [...place, name], isKey: true, message: `unknown field${suggestion(name, known)}` };
    }
    case 'required':
      return { place, isKey: true, message: `${String(params['missingProperty'])} is missing` };
    case 'type':
      return { place, message: wrongType(error.data, String(params['type']), schema['patternErrorMessage']) };
    case 'enum':
      return { place, message: notAmong(error.data, params['allowedValues'] as readonly string[]) };
    case 'discriminator':
      return discriminated(place, error);
    case 'minItems':
    case 'minLength':
      return { place, message: 'it is empty' };
    case 'uniqueItems':
      return { place, message: 'a name is listed twice' };
    case 'minimum':
      return { place, message: `it must be ${String(params['limit'])} or more` };
    default: {
      const words = [schema['patternErrorMessage'], schema['errorMessage'], error.message];
      return { place, message: words.find((one) => typeof one === 'string') ?? 'it is wrong' };
    }
  }
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  integer: 'a whole number',
  array: 'a list: [a, b]',
  object: 'fields, indented below it',
};

/** @param form what a text of this field looks like */
function wrongType(data: unknown, type: string, form: unknown): string {
  const expected = TYPES[type] ?? type;
  if (data === null) return `it is empty; write ${expected}, or leave the field out`;
  if (typeof form === 'string' && typeof data === 'number') return form;
  if (type === 'string' && typeof data !== 'object') return `write ${expected}: put it in quotes`;
  return `write ${expected}`;
}

function notAmong(data: unknown, allowed: readonly string[]): string {
  return `write one of ${allowed.join(', ')}${typeof data === 'string' ? near(data, allowed) : ''}`;
}

function near(word: string, known: readonly string[]): string {
  const told = suggestion(word, known);
  return told.startsWith('; did') ? told : '';
}

function discriminated(place: Place, { params }: ErrorObject): Problem {
  const { tagValue } = params as { readonly tagValue?: unknown };
  const message = notAmong(tagValue, ['mail', 'webhook', 'ping', 'ntfy', 'command']);
  return { place: [...place, 'type'], message: tagValue === undefined ? `type is missing: ${message}` : message };
}

/** A JSON pointer as a place: parts of lists are numbers. */
function placeOf(pointer: string, value: unknown): Place {
  let at = value;
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => {
      const isIndex = Array.isArray(at);
      at = (at as Readonly<Record<string, unknown>> | null)?.[part];
      return isIndex ? Number(part) : part;
    });
}
