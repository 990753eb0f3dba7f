// A file of the repository as the tidy checks see it, and what they say about it.

export interface SourceFile {
  /** from the root, with slashes */
  readonly path: string
  readonly text: string
}

export interface Complaint {
  readonly path: string
  readonly line: number
  readonly problem: string
}

/** Calls `found` for every match of a global expression, with its line number. */
export function eachMatch(text: string, pattern: RegExp, found: (match: RegExpExecArray, line: number) => void): void {
  for (const match of text.matchAll(pattern)) found(match, text.slice(0, match.index).split('\n').length)
}
