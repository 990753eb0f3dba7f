// Which addresses can be those of a VIP, a server, a user or the end of a tunnel.

import { addressBytes, canonicalAddress, classify } from '../../wire/ip.ts'

/** Why nothing can be sent to or from this address, or undefined when it can. */
export const unusable = (address: string): string | undefined => {
  switch (classify(addressBytes(address))) {
    case 'unspecified':
      return 'stands for "any address"'
    case 'loopback':
      return 'is loopback, which does not leave the machine'
    case 'multicast':
      return 'is multicast'
    case 'broadcast':
      return 'is broadcast'
    case 'reserved':
      return 'is in a reserved range that nobody routes'
    case 'link-local':
      // An IPv6 one has no meaning without its link, and packets to it are not forwarded.
      return address.includes(':') ? 'is link-local, which does not leave its link' : undefined
    case 'unicast':
      return undefined
  }
}

/** `what` it is meant to be, with its article. */
export const checkAddress = (address: string | undefined, what: string, report: (message: string) => void): void => {
  if (address === undefined) return
  const canonical = canonicalAddress(address)
  if (address.includes(':') && canonical?.includes(':') === false) {
    report(`${address} is the IPv4 address ${canonical}: write it so`)
    return
  }
  const reason = unusable(address)
  if (reason !== undefined) report(`${address} ${reason}: it cannot be ${what}`)
}
