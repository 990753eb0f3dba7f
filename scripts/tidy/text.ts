// Checks of any text: lines of at most 120 columns, files that say what they are for, and words that name one
// machine or one package registry, which have no place in a repository for everybody.

import type { Complaint, SourceFile } from './source.ts'

const columns = 120
const tabWidth = 8

export function longLines({ path, text }: SourceFile): readonly Complaint[] {
  return text.split('\n').flatMap((line, index) => {
    const width = line.replaceAll('\t', ' '.repeat(tabWidth)).length
    // The rows of a Markdown table cannot be broken.
    const table = path.endsWith('.md') && line.startsWith('|')
    return width > columns && !table
      ? [{ path, line: index + 1, problem: `${width} columns, more than ${columns}` }]
      : []
  })
}

/** Code opens with a comment that says what the file is for. Of a test, the name says it. */
export function opening({ path, text }: SourceFile): readonly Complaint[] {
  const code = /\.(?:ts|js|c|h)$/.test(path) && !path.endsWith('.test.ts')
  return code && !/^(?:\/\/|\/\*)/.test(text)
    ? [{ path, line: 1, problem: 'does not open with a comment that says what the file is for' }]
    : []
}

/** `words` are looked for in lower case. */
export function forbiddenWords({ path, text }: SourceFile, words: readonly string[]): readonly Complaint[] {
  return text
    .toLowerCase()
    .split('\n')
    .flatMap((line, index) =>
      words
        .filter((word) => line.includes(word))
        .map((word) => ({ path, line: index + 1, problem: `names ${word}: of one machine, not of the project` })),
    )
}

/** Each folder stands in ARCHITECTURE.md, so that a reader finds out what it is for. */
export function unnamedFolders(architecture: SourceFile, folders: readonly string[]): readonly Complaint[] {
  return folders
    .filter((folder) => !architecture.text.includes(`${folder}/`))
    .map((folder) => ({ path: architecture.path, line: 1, problem: `does not say what ${folder}/ is for` }))
}
