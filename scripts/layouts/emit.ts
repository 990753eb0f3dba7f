// Writes layouts as TypeScript: for an enum a table of numbers, the names, and a type of names; for a struct its size,
// its offsets, an interface, and a reader and a writer over a DataView.

import type { Enum, Field, Struct, Type } from './btf.ts'
import type { Declaration } from './headers.ts'

export type Layout = (Struct | Enum) & { readonly declaration: Declaration }

const opening = `\
// Generated from bpf/shared/*.h by \`npm run generate\`; do not edit. Readers copy what they return, so that it
// outlives the memory it was read from. Writers write every byte of a layout, padding as zero.

/** Changes when any layout or the meaning of a number does: what the pinned maps were made with. */`

export function emit(layouts: readonly Layout[], hash: bigint): string {
  const structs = new Map<string, Struct>()
  for (const layout of layouts) if (layout.kind === 'struct') structs.set(layout.name, layout)
  const body = layouts.map((layout) => (layout.kind === 'enum' ? emitEnum(layout) : emitStruct(layout, structs)))
  const used = helpers.filter(({ name }) => body.some((part) => part.includes(`${name}(`)))
  const hashLine = `export const layoutHash = 0x${hash.toString(16).padStart(16, '0')}n`
  return [opening, hashLine, ...body, ...used.map(({ text }) => text)].join('\n')
}

// ---- enums ----------------------------------------------------------------------------------------------------------

function emitEnum(layout: Enum & { readonly declaration: Declaration }): string {
  const name = camel(layout.name)
  // The names of a list are data, such as verdicts in metrics, and stay as they are; the others are only for code.
  const spell = isList(layout) ? (short: string): string => short : camel
  const values = layout.values.map((entry) => ({ ...entry, short: spell(shortName(layout.name, entry.name)) }))
  const ordinary = values.filter(({ short }) => short !== 'max')
  const end = values.find(({ short }) => short === 'max')
  const lines = [
    '',
    `${doc(layout.declaration.comment)}export const ${name} = {`,
    ...ordinary.map((entry) => `${doc(layout.declaration.members.get(entry.name))}${entry.short}: ${entry.value},`),
    '} as const',
  ]
  if (!isList(layout)) return lines.join('\n')
  const type = pascal(layout.name)
  const dense = ordinary.every(({ value }, index) => value === index)
  lines.push(
    `export type ${type} = keyof typeof ${name}`,
    '/** Names by number. */',
    dense
      ? `export const ${name}Names: readonly ${type}[] = [`
      : `export const ${name}Names: Readonly<Record<number, ${type}>> = {`,
    ordinary.map(({ short, value }) => (dense ? `'${short}'` : `${value}: '${short}'`)).join(', '),
    dense ? ']' : '}',
  )
  if (end !== undefined) lines.push(`export const ${name}Count = ${end.value}`)
  return lines.join('\n')
}

/** Of flags and of limits nobody asks which one a number is. */
const isList = ({ name }: Enum): boolean => !name.endsWith('_flags') && name !== 'limits'

/** Lower case, without the leading words that the enum's own name has: FLOW_STATE_MAX of flow_state is max. */
function shortName(enumName: string, valueName: string): string {
  const own = new Set(enumName.split('_').flatMap((word) => [word, word.replace(/s$/, '')]))
  const words = valueName.toLowerCase().split('_')
  while (words.length > 1 && own.has(words[0] ?? '')) words.shift()
  return words.join('_')
}

// ---- structs --------------------------------------------------------------------------------------------------------

type Structs = ReadonlyMap<string, Struct>

function emitStruct(layout: Struct & { readonly declaration: Declaration }, structs: Structs): string {
  const name = camel(layout.name)
  const type = pascal(layout.name)
  const head = [
    '',
    `export const ${name}Size = ${layout.size}`,
    `export const ${name}Offsets = { ${layout.fields
      .filter(isData)
      .map((field) => `${camel(field.name)}: ${field.offset}`)
      .join(', ')} } as const`,
  ]
  const comment = doc(layout.declaration.comment)
  const bytes = bytesLength(layout)
  if (bytes !== null) return [...head, `${comment}export type ${type} = Uint8Array`].join('\n')
  const data = layout.fields.filter(isData)
  const padding = layout.fields.filter((field) => !isData(field))
  const members = data.map((field) => {
    const beside = doc(layout.declaration.members.get(field.name))
    return `${beside}readonly ${camel(field.name)}: ${typeName(field.type, structs)}`
  })
  return [
    ...head,
    `${comment}export interface ${type} {`,
    ...members,
    '}',
    `export function read${type}(view: DataView, offset: number): ${type} {`,
    'return {',
    ...data.map((field) => `${camel(field.name)}: ${reader(field.type, at(field), structs)},`),
    '}',
    '}',
    `export function write${type}(view: DataView, offset: number, value: ${type}): void {`,
    ...data.map((field) => writer(field.type, at(field), `value.${camel(field.name)}`, structs)),
    ...padding.map((field) => `zero(view, ${at(field)}, ${sizeOf(field.type, structs)})`),
    '}',
  ].join('\n')
}

const isData = ({ name }: Field): boolean => !/^(?:reserved|padding)\d*$/.test(name)
const at = ({ offset }: Field): string => (offset === 0 ? 'offset' : `offset + ${offset}`)

/** A struct that is nothing but bytes, such as an address, stands as its bytes. */
function bytesLength(struct: Struct | undefined): number | null {
  const [only, ...more] = struct?.fields ?? []
  return only !== undefined && more.length === 0 ? byteArrayLength(only.type) : null
}

function byteArrayLength(type: Type): number | null {
  return type.kind === 'array' && type.element.kind === 'int' && type.element.size === 1 ? type.length : null
}

function sizeOf(type: Type, structs: Structs): number {
  switch (type.kind) {
    case 'int':
      return type.size
    case 'array':
      return type.length * sizeOf(type.element, structs)
    case 'struct':
      return named(type.name, structs).size
  }
}

function typeName(type: Type, structs: Structs): string {
  if (byteArrayLength(type) !== null) return 'Uint8Array'
  switch (type.kind) {
    case 'int':
      return type.size === 8 ? 'bigint' : 'number'
    case 'array':
      return `ArrayLike<${typeName(type.element, structs)}>`
    case 'struct':
      return bytesLength(named(type.name, structs)) === null ? pascal(type.name) : 'Uint8Array'
  }
}

function reader(type: Type, offset: string, structs: Structs): string {
  const bytes = byteArrayLength(type)
  if (bytes !== null) return `readBytes(view, ${offset}, ${bytes})`
  switch (type.kind) {
    case 'int':
      return `view.get${accessor(type)}(${offset}${order(type)})`
    case 'array': {
      const element = reader(type.element, `${offset} + index * ${sizeOf(type.element, structs)}`, structs)
      return `Array.from({ length: ${type.length} }, (_, index) => ${element})`
    }
    case 'struct': {
      const whole = bytesLength(named(type.name, structs))
      return whole === null ? `read${pascal(type.name)}(view, ${offset})` : `readBytes(view, ${offset}, ${whole})`
    }
  }
}

function writer(type: Type, offset: string, value: string, structs: Structs): string {
  const bytes = byteArrayLength(type)
  if (bytes !== null) return `writeBytes(view, ${offset}, ${bytes}, ${value})`
  switch (type.kind) {
    case 'int':
      return `view.set${accessor(type)}(${offset}, ${value}${order(type)})`
    case 'array': {
      const size = sizeOf(type.element, structs)
      const element = writer(type.element, `${offset} + index * ${size}`, 'element', structs)
      return `writeArray(${type.length}, ${value}, (element, index) => {\n${element}\n})`
    }
    case 'struct': {
      const whole = bytesLength(named(type.name, structs))
      return whole === null
        ? `write${pascal(type.name)}(view, ${offset}, ${value})`
        : `writeBytes(view, ${offset}, ${whole}, ${value})`
    }
  }
}

type Int = Extract<Type, { kind: 'int' }>
const accessor = ({ size, signed }: Int): string => `${size === 8 ? 'Big' : ''}${signed ? 'Int' : 'Uint'}${size * 8}`
const order = ({ size, bigEndian }: Int): string => (size === 1 ? '' : bigEndian ? ', false' : ', true')

function named(name: string, structs: Structs): Struct {
  const struct = structs.get(name)
  if (struct === undefined) throw new Error(`struct ${name} is used by a shared layout but not declared in bpf/shared`)
  return struct
}

// ---- words ----------------------------------------------------------------------------------------------------------

const camel = (name: string): string => name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
const pascal = (name: string): string => camel(`_${name}`)

/** A comment on lines of its own, wrapped; with nothing to say, nothing. */
function doc(comment: string | undefined): string {
  if (comment === undefined || comment === '') return ''
  if (comment.length <= 100) return `/** ${comment} */\n`
  const lines = ['']
  for (const word of comment.split(' ')) {
    const last = lines.at(-1) ?? ''
    if (last.length + word.length < 100) lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
    else lines.push(word)
  }
  return `/**\n${lines.map((line) => ` * ${line}\n`).join('')} */\n`
}

const helpers = [
  {
    name: 'readBytes',
    text: `
function readBytes(view: DataView, offset: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + offset, length).slice()
}`,
  },
  {
    name: 'writeBytes',
    text: `
function writeBytes(view: DataView, offset: number, length: number, value: Uint8Array): void {
  if (value.length !== length) throw new RangeError(\`\${length} bytes wanted, \${value.length} given\`)
  new Uint8Array(view.buffer, view.byteOffset + offset, length).set(value)
}`,
  },
  {
    name: 'writeArray',
    text: `
function writeArray<T>(length: number, values: ArrayLike<T>, write: (element: T, index: number) => void): void {
  if (values.length !== length) throw new RangeError(\`\${length} elements wanted, \${values.length} given\`)
  for (let index = 0; index < length; index += 1) write(values[index] as T, index)
}`,
  },
  {
    name: 'zero',
    text: `
function zero(view: DataView, offset: number, length: number): void {
  for (let at = offset; at < offset + length; at += 1) view.setUint8(at, 0)
}`,
  },
]
