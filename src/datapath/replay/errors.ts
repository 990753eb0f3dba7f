// Why there is no replay at all.

/** This machine, or whoever asks, may not load BPF programs or make a network namespace. */
export class CannotReplayError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CannotReplayError'
  }
}
