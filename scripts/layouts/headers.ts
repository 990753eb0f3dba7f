// What BTF does not keep of bpf/shared/*.h: which structs and enums are declared there, in which order, and the
// comments beside them. Sizes, offsets and types come from BTF alone.

export interface Declaration {
  readonly kind: 'struct' | 'enum'
  readonly name: string
  /** the comment above it, one line; may be empty */
  readonly comment: string
  /** member name -> the comment on its line */
  readonly members: ReadonlyMap<string, string>
}

const opening = /^(?<kind>struct|enum) (?<name>\w+) \{$/
const member = /(?<name>\w+)(?:\[\w+\])?(?:\s*=\s*[^,;/]+)?\s*[;,]\s*\/\*\s*(?<comment>.*?)\s*\*\/$/

export function declarations(header: string): readonly Declaration[] {
  const found: Declaration[] = []
  let comment: string[] = []
  let members: Map<string, string> | null = null
  for (const line of header.split('\n')) {
    const opened = opening.exec(line)?.groups
    if (opened !== undefined) {
      members = new Map()
      const kind = opened['kind'] === 'enum' ? 'enum' : 'struct'
      found.push({ kind, name: opened['name'] ?? '', comment: text(comment), members })
      comment = []
    } else if (line.startsWith('}')) {
      members = null
    } else if (members !== null) {
      const beside = member.exec(line.trim())?.groups
      if (beside !== undefined) members.set(beside['name'] ?? '', beside['comment'] ?? '')
    } else if (line.startsWith('/*') || (line.startsWith(' *') && comment.length > 0)) {
      if (line.startsWith('/*')) comment = []
      comment.push(line)
    } else {
      comment = []
    }
  }
  return found
}

function text(lines: readonly string[]): string {
  return lines
    .map((line) => line.replace(/^\s*\/?\*+\/?\s?/, '').replace(/\s*\*\/\s*$/, ''))
    .join(' ')
    .trim()
}
