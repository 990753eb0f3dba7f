// How long something has been, for people: the two largest units.

const units = [
  [86400, 'd'],
  [3600, 'h'],
  [60, 'm'],
  [1, 's'],
] as const

export const durationText = (seconds: number): string => {
  const first = units.findIndex(([size]) => seconds >= size)
  if (first < 0) return '0s'
  let rest = seconds
  return units
    .slice(first, first + 2)
    .map(([size, unit]) => {
      const count = Math.floor(rest / size)
      rest -= count * size
      return `${count}${unit}`
    })
    .join('')
}
