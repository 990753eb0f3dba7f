// Finds items of a list that have the same key as an earlier one.

/** Calls `found` for each later item; items without a key are passed over. */
export const reportDuplicates = <Item, Key>(
  items: readonly Item[],
  keyOf: (item: Item) => Key | undefined,
  found: (index: number, first: number, key: Key) => void,
): void => {
  const firstIndex = new Map<Key, number>()
  for (const [index, item] of items.entries()) {
    const key = keyOf(item)
    if (key === undefined) continue
    const first = firstIndex.get(key)
    if (first === undefined) firstIndex.set(key, index)
    else found(index, first, key)
  }
}
