/** Why something is switched, as the server takes it. */
export const REASONS = ['fault', 'planned', 'load', 'restore', 'correction'] as const
export type Reason = (typeof REASONS)[number]

/** What is sent when these devices are turned over: the closed ones open, the open ones close. */
export function chosenOf(
  devices: readonly { id: string; closed: boolean }[],
  turned: ReadonlySet<string>,
): { opened: string[]; closed: string[] } {
  const chosen = devices.filter(({ id }) => turned.has(id))
  return {
    opened: chosen.filter(({ closed }) => closed).map(({ id }) => id),
    closed: chosen.filter(({ closed }) => !closed).map(({ id }) => id),
  }
}
