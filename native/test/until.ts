// Waiting for the event loop in tests.

import { setTimeout as delay } from 'node:timers/promises'

/** Waits until the condition holds, or the time is over: the caller's assertions then say what is missing. */
export async function until(condition: () => boolean, mostMs = 5000): Promise<void> {
  const end = Date.now() + mostMs
  while (!condition() && Date.now() < end) await delay(1)
}
