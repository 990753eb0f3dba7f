// Captures: reading and writing them, and the messages that are in them.

export { CaptureError } from './frame.ts'
export type { CapturedFrame, CaptureTime } from './frame.ts'
export { readCapture, readCapturedFrame } from './file.ts'
export { linkName, linkTypes, packetOffset, unknownLink } from './links.ts'
export { pcapngFrame, pcapngHeader } from './writer.ts'
export { Messages } from './messages.ts'
export type { Message } from './message.ts'
export { NodeList, noSession, placedKeys, Sessions } from './sessions.ts'
