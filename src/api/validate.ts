// Checks what comes in against its schema. A body that does not fit is answered as go-swagger answers it, which is what
// loxilb's clients know: status 422 and a code above 600 that says which check failed.

import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'
import { fold } from './fold.ts'
import { loxilbInputs, namedSchemas, ServicesInput } from './schemas.ts'

/** A request that did not pass its schema. */
export class InvalidRequest extends Error {
  readonly statusCode = 422
  /** which check failed, in go-swagger's numbers */
  readonly check: number
  constructor(check: number, message: string) {
    super(message)
    this.name = 'InvalidRequest'
    this.check = check
  }
}

const checks: Readonly<Record<string, number>> = {
  type: 601,
  required: 602,
  maxLength: 603,
  minLength: 604,
  enum: 606,
  maximum: 608,
  minimum: 609,
  maxItems: 611,
  minItems: 612,
  additionalProperties: 613,
}

interface Mistake {
  readonly keyword: string
  readonly instancePath: string
  readonly params: object
  readonly message: string
}

/** `/endpoints/0/weight` is `endpoints.0.weight`. */
const dotted = (pointer: string): string =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .join('.')

const list = (value: unknown): string => (Array.isArray(value) ? value.join(', ') : String(value))

const describe = (mistake: Mistake, where: string): string => {
  const field = dotted(mistake.instancePath)
  const subject = field === '' ? where : `${field} in ${where}`
  const params: Readonly<Record<string, unknown>> = { ...mistake.params }
  switch (mistake.keyword) {
    case 'type':
      return `${subject} must be of type ${list(params['type'])}`
    case 'required': {
      const missing = Array.isArray(params['requiredProperties']) ? params['requiredProperties'] : []
      const [first] = missing as readonly string[]
      return `${field === '' ? first : `${field}.${first}`} in ${where} is required`
    }
    case 'enum':
      return `${subject} should be one of [${list(params['allowedValues']).replaceAll(', ', ' ')}]`
    case 'maximum':
      return `${subject} should be less than or equal to ${list(params['limit'])}`
    case 'minimum':
      return `${subject} should be greater than or equal to ${list(params['limit'])}`
    case 'additionalProperties':
      return `${list(params['additionalProperties'])} in ${subject} is not a known field`
    default:
      return `${subject} ${mistake.message}`
  }
}

const byReference = new Map<string, TSchema>(Object.entries(namedSchemas).map(([name, schema]) => [`${name}#`, schema]))

const resolve = (schema: TSchema): TSchema => {
  const reference = '$ref' in schema ? String(schema.$ref) : undefined
  return (reference === undefined ? undefined : byReference.get(reference)) ?? schema
}

/** Only loxilb's part of the body is read as loxilb reads it. */
const foldEntries = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'lbAttr' in value
    ? { ...value, lbAttr: fold(value.lbAttr, ServicesInput.properties.lbAttr) }
    : value

/** fastify's validator compiler. Paths and queries are text and are converted; bodies are taken as they are. */
export const compileValidator = ({ schema, httpPart }: { schema: unknown; httpPart?: string | undefined }) => {
  const resolved = resolve(schema as TSchema)
  const validator = Compile(resolved)
  const where = httpPart === 'querystring' ? 'query' : httpPart === 'params' ? 'path' : 'body'
  const prepare = (value: unknown): unknown => {
    if (httpPart !== 'body') return Value.Convert(resolved, value)
    if (loxilbInputs.has(resolved)) return fold(value, resolved)
    return resolved === ServicesInput ? foldEntries(value) : value
  }
  return (input: unknown): { value: unknown } | { error: InvalidRequest } => {
    const value = prepare(input)
    if (validator.Check(value)) return { value }
    const mistakes: readonly Mistake[] = validator.Errors(value)
    const mistake = mistakes.find(({ keyword }) => keyword in checks) ?? mistakes[0]
    if (mistake === undefined) return { error: new InvalidRequest(601, `${where} does not fit its schema`) }
    return { error: new InvalidRequest(checks[mistake.keyword] ?? 601, describe(mistake, where)) }
  }
}
