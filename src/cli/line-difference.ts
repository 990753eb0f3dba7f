// Where two texts differ, line by line, as `diff -u` shows it: what was before with `-`, what is now with `+`.

/** Lines that are the same, shown before and behind a difference. */
const contextLines = 2
/** Beyond so many differing lines in one place they are shown as a whole: looking for the best way takes too long. */
const mostCompared = 2000

interface Line {
  readonly sign: ' ' | '-' | '+'
  readonly text: string
  /** of the text that it stands in, from 1 on */
  readonly number: number
}

/** Lines to show; none: the texts are equal. */
export const lineDifference = (before: string, after: string): readonly string[] => {
  if (before === after) return []
  const all = compared(before.split('\n'), after.split('\n'))
  const shown = new Set<number>()
  for (const [index, { sign }] of all.entries())
    if (sign !== ' ') for (let near = index - contextLines; near <= index + contextLines; near++) shown.add(near)
  return all.flatMap(({ number, sign, text }, index) => {
    if (!shown.has(index)) return []
    const head = index > 0 && shown.has(index - 1) ? [] : [`@@ line ${number} @@`]
    return [...head, `${sign}${text}`]
  })
}

const compared = (before: readonly string[], after: readonly string[]): readonly Line[] => {
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start++
  let end = 0
  const most = Math.min(before.length, after.length) - start
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end++
  const same = (lines: readonly string[], first: number): readonly Line[] =>
    lines.map((text, index) => ({ sign: ' ', text, number: first + index + 1 }))
  return [
    ...same(after.slice(0, start), 0),
    ...middle(before.slice(start, before.length - end), after.slice(start, after.length - end), start),
    ...same(after.slice(after.length - end), after.length - end),
  ]
}

/** By the longest common subsequence. */
const middle = (before: readonly string[], after: readonly string[], start: number): readonly Line[] => {
  const removed = (index: number): Line => ({ sign: '-', text: before[index]!, number: start + index + 1 })
  const added = (index: number): Line => ({ sign: '+', text: after[index]!, number: start + index + 1 })
  if (before.length > mostCompared || after.length > mostCompared)
    return [...before.map((_, index) => removed(index)), ...after.map((_, index) => added(index))]
  const width = after.length + 1
  const lengths = new Uint16Array((before.length + 1) * width)
  const at = (i: number, j: number): number => lengths[i * width + j]!
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      lengths[i * width + j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const lines: Line[] = []
  for (let i = 0, j = 0; i < before.length || j < after.length;) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push({ sign: ' ', text: after[j]!, number: start + j + 1 })
      i++
      j++
    } else if (j === after.length || (i < before.length && at(i + 1, j) >= at(i, j + 1))) lines.push(removed(i++))
    else lines.push(added(j++))
  }
  return lines
}
