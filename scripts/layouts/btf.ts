// Turns `bpftool btf dump ... format raw -j` into the layouts of structs and enums: every field with its offset, size
// and byte order. An anonymous union stands as its first member, an anonymous struct as its members.

export type Type =
  | { readonly kind: 'int'; readonly size: 1 | 2 | 4 | 8; readonly signed: boolean; readonly bigEndian: boolean }
  | { readonly kind: 'array'; readonly element: Type; readonly length: number }
  | { readonly kind: 'struct'; readonly name: string }

export interface Field {
  readonly name: string
  /** bytes from the start of the struct */
  readonly offset: number
  readonly type: Type
}

export interface Struct {
  readonly kind: 'struct'
  readonly name: string
  readonly size: number
  readonly fields: readonly Field[]
}

export interface Enum {
  readonly kind: 'enum'
  readonly name: string
  readonly values: readonly { readonly name: string; readonly value: number }[]
}

interface RawMember {
  readonly name: string
  readonly type_id: number
  readonly bits_offset: number
}

interface RawType {
  readonly id: number
  readonly kind: string
  readonly name: string
  readonly size?: number
  readonly type_id?: number
  readonly nr_elems?: number
  readonly encoding?: string
  readonly members?: readonly RawMember[]
  readonly values?: readonly { readonly name: string; readonly val: number }[]
}

export class Btf {
  readonly #types: ReadonlyMap<number, RawType>

  constructor(json: string) {
    const { types } = JSON.parse(json) as { readonly types: readonly RawType[] }
    this.#types = new Map(types.map((type) => [type.id, type]))
  }

  struct(name: string): Struct {
    const raw = this.#named('STRUCT', name)
    return { kind: 'struct', name, size: raw.size ?? 0, fields: this.#fields(raw, 0) }
  }

  enum(name: string): Enum {
    const raw = this.#named('ENUM', name)
    return { kind: 'enum', name, values: (raw.values ?? []).map(({ name, val }) => ({ name, value: val })) }
  }

  #named(kind: string, name: string): RawType {
    for (const type of this.#types.values()) if (type.kind === kind && type.name === name) return type
    throw new Error(`no ${kind.toLowerCase()} ${name} in the BTF`)
  }

  #fields(raw: RawType, start: number): readonly Field[] {
    const fields: Field[] = []
    for (const { name, type_id, bits_offset } of raw.members ?? []) {
      if (bits_offset % 8 !== 0) throw new Error(`struct ${raw.name}: ${name} is a bit field, which no codec can read`)
      const offset = start + bits_offset / 8
      const inner = this.#get(type_id)
      if (name === '(anon)' && inner.kind === 'STRUCT') {
        fields.push(...this.#fields(inner, offset))
      } else if (name === '(anon)' && inner.kind === 'UNION') {
        fields.push(...this.#fields(inner, offset).slice(0, 1))
      } else {
        fields.push({ name, offset, type: this.#type(type_id, false) })
      }
    }
    return fields
  }

  /** `bigEndian`: a typedef on the way here was called `__be16`, `__be32` or `__be64`. */
  #type(id: number, bigEndian: boolean): Type {
    const raw = this.#get(id)
    switch (raw.kind) {
      case 'TYPEDEF':
        return this.#type(raw.type_id ?? 0, bigEndian || raw.name.startsWith('__be'))
      case 'CONST':
      case 'VOLATILE':
        return this.#type(raw.type_id ?? 0, bigEndian)
      case 'ARRAY':
        return { kind: 'array', element: this.#type(raw.type_id ?? 0, bigEndian), length: raw.nr_elems ?? 0 }
      case 'STRUCT':
        return { kind: 'struct', name: raw.name }
      case 'INT':
      case 'ENUM': {
        const size = raw.size
        if (size !== 1 && size !== 2 && size !== 4 && size !== 8) {
          throw new Error(`${raw.name}: an integer of ${size} bytes has no reader`)
        }
        return { kind: 'int', size, signed: raw.encoding === 'SIGNED', bigEndian }
      }
      default:
        throw new Error(`${raw.kind} ${raw.name}: a shared layout holds integers, arrays and structs only`)
    }
  }

  #get(id: number): RawType {
    const raw = this.#types.get(id)
    if (raw === undefined) throw new Error(`the BTF has no type ${id}`)
    return raw
  }
}
