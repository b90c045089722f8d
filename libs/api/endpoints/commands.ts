// Says how people command gateways through the API, and how they learn what became of it.
import { z } from 'zod';
import { type Endpoint, apiPrefix, gatewayAt } from '#libs/api/endpoint.ts';
import { commandAccepted, commandResult, operation, rollbackPreview } from '#libs/api/models/command.ts';
import { gatewayPath, id, text, version, versionText } from '#libs/api/parameters.ts';

const waitMsMax = 120_000;

/** Says why, in every command and decision. */
export const said = {
  reason: text(1000).optional().describe('For the history.'),
  ticket: text(200).optional().describe('The ticket that asks for it, for the history.'),
};

/** Says how long a command and its answer wait. */
export const commandWaits = {
  timeout: z
    .int()
    .min(100)
    .max(waitMsMax)
    .optional()
    .describe('Milliseconds to wait until it is decided, 5000 by default; later it is never carried out.'),
  wait: z
    .int()
    .min(0)
    .max(waitMsMax)
    .optional()
    .describe(
      'Milliseconds to wait until every connected node that serves the gateway has applied or rejected the version.',
    ),
};

const commandFields = {
  ...said,
  expect: version.optional().describe('The version that served when you looked; 409 when another serves now.'),
  force: z.boolean().optional().describe('Carry it out though another version serves than `expect` says.'),
  breakGlass: z
    .boolean()
    .optional()
    .describe('Carry it out without the confirmation that the gateway wants: admins only, with a reason.'),
  ...commandWaits,
};
const command = { method: 'POST', role: 'operator', tag: 'commands' } as const;
const commandAnswers = {
  returns: commandResult,
  accepts: commandAccepted,
  refuses: ['not-found', 'conflict', 'expired', 'refused', 'nats-unreachable', 'busy'],
} as const;

export const commandsEndpoints = {
  rollback: {
    ...command,
    path: `${gatewayAt}/rollback`,
    summary: 'Serve an earlier version again, and keep it',
    description:
      'Makes a new version with the content of an earlier one and pins the gateway to it. ' +
      'Endpoints and certificates stay current.',
    input: z.object({
      params: gatewayPath,
      body: z.strictObject({
        ...commandFields,
        to: version.optional().describe('Absent = the one that served before.'),
      }),
    }),
    ...commandAnswers,
  },
  previewRollback: {
    method: 'GET',
    path: `${gatewayAt}/rollback`,
    role: 'viewer',
    tag: 'commands',
    summary: 'What a rollback would do now',
    description: 'Changes nothing. Give the answer’s `serving` as `expect`, so that what you saw is what you replace.',
    input: z.object({
      params: gatewayPath,
      query: z.object({ to: versionText.optional().describe('Absent = the one that served before.') }),
    }),
    refuses: ['not-found'],
    returns: rollbackPreview,
  },
  release: {
    ...command,
    path: `${gatewayAt}/release`,
    summary: 'End a pin: the newest version serves',
    description: 'What changed while the gateway was pinned takes effect.',
    input: z.object({ params: gatewayPath, body: z.strictObject(commandFields) }),
    ...commandAnswers,
  },
  accept: {
    ...command,
    path: `${gatewayAt}/accept`,
    summary: 'Let content through that a sanity limit holds back',
    description: 'Ends the alarm of a gateway by taking the change that raised it.',
    input: z.object({ params: gatewayPath, body: z.strictObject(commandFields) }),
    ...commandAnswers,
  },
  readOperation: {
    method: 'GET',
    path: `${apiPrefix}/operations/:id`,
    role: 'viewer',
    tag: 'commands',
    summary: 'What became of a command',
    input: z.object({ params: z.object({ id }) }),
    returns: operation,
  },
} as const satisfies Readonly<Record<string, Endpoint>>;
