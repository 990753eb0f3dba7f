// FTP's control connection, as far as data connections depend on it.

export { Dialogue } from './dialogue.ts'
export type { Offer, Side } from './dialogue.ts'
