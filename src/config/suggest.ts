// The name the operator probably meant.

/** Edits (insert, delete, replace a character, swap two neighbours) that turn one text into the other. */
const distance = (a: string, b: string): number => {
  let beforeLast: readonly number[] = []
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (beforeLast[j - 2] ?? 0) + 1 : Infinity
      row.push(Math.min(replaced, swapped, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}

/** The nearest of the known names, or undefined when none is near. */
export const nearest = (text: string, names: readonly string[]): string | undefined => {
  if (text.length > 64) return undefined
  const lower = text.toLowerCase()
  let best: string | undefined
  let bestDistance = Math.max(1, Math.ceil(Math.min(text.length, 8) / 3)) + 1
  for (const name of names) {
    const other = name.toLowerCase()
    const abbreviated = lower.length >= 3 && (other.startsWith(lower) || lower.startsWith(other))
    const found = abbreviated ? 1 : distance(lower, other)
    if (found < bestDistance) {
      best = name
      bestDistance = found
    }
  }
  return best
}

/** `; did you mean "weight"?`, or nothing. */
export const didYouMean = (text: string, names: readonly string[]): string => {
  const name = nearest(text, names)
  return name === undefined ? '' : `; did you mean "${name}"?`
}
