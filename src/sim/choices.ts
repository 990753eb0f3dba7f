// What people may choose of simulated peers. Data, so that the command line need not load the peers to offer it.

/**
 * Who chooses the F-TEID of the uplink: the user plane, for a PDR (`choose`), for two of them with one CHOOSE ID
 * (`choose-id`), for a Traffic Endpoint (`traffic-endpoint`), or the SMF itself (`smf`).
 */
export const tunnelChoices = ['choose', 'choose-id', 'traffic-endpoint', 'smf'] as const
export type TunnelChoice = (typeof tunnelChoices)[number]

/** What a UPF reports of a session; `deleted`: the UPF has deleted it. */
export const reportKinds = ['downlink-data', 'usage', 'error-indication', 'deleted'] as const
export type ReportKind = (typeof reportKinds)[number]
