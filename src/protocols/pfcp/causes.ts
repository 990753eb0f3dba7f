// Causes of PFCP (TS 29.244, table 8.2.1-1). Data.

export const causes: Readonly<Record<number, string>> = {
  1: 'Request accepted',
  2: 'More Usage Report to send',
  3: 'Request partially accepted',
  64: 'Request rejected',
  65: 'Session context not found',
  66: 'Mandatory IE missing',
  67: 'Conditional IE missing',
  68: 'Invalid length',
  69: 'Mandatory IE incorrect',
  70: 'Invalid Forwarding Policy',
  71: 'Invalid F-TEID allocation option',
  72: 'No established PFCP Association',
  73: 'Rule creation/modification failure',
  74: 'PFCP entity in congestion',
  75: 'No resources available',
  76: 'Service not supported',
  77: 'System failure',
  78: 'Redirection requested',
  79: 'All dynamic addresses are occupied',
  80: 'Unknown Pre-defined Rule',
  81: 'Unknown Application ID',
  82: 'L2TP tunnel establishment failure',
  83: 'L2TP session establishment failure',
  84: 'L2TP tunnel release',
  85: 'L2TP session release',
  86: 'PFCP session restoration failure',
}

export const contextNotFound = 65

/** Below 64 a request has been accepted, if only in part. */
export const isAccepted = (cause: number): boolean => cause > 0 && cause < 64
