// Describes how far it is known who did something: who asked the API server for a change, and what a tool claims.
import { z } from 'zod';

export const certainty = z.enum(['verified', 'admission', 'one of', 'manager only', 'unknown']).meta({
  id: 'Certainty',
  description:
    'How far it is known who did it. `verified`: the audit of Kubernetes names the request; of a command or a deed: ' +
    'its token was checked. `admission`: an admission webhook saw a request with this content; who impersonates is ' +
    'not known. `one of`: it was one of `requests`. `manager only`: there is only the name that the client chose, in ' +
    '`changedBy`. `unknown`: nobody is named.',
});

export const changeRequest = z
  .strictObject({
    role: z
      .enum(['asked', 'finalizer'])
      .nullable()
      .describe('Of a deletion: asked for it, or removed the last finalizer.'),
    user: z.string().describe('As whom the request was made.'),
    uid: z.string().describe('Of that user; empty = it has none.'),
    groups: z.array(z.string()).describe('Of that user.'),
    impersonator: z.string().nullable().describe('Who authenticated, where that was another.'),
    userAgent: z.string(),
    tool: z.string().describe('The program, as its user agent says.'),
    sourceAddresses: z.array(z.string()).describe('As the API server saw them, first the client.'),
    auditId: z.string().describe('In the audit log of the cluster; of an admission the id of the review.'),
    verb: z.string(),
    at: z.string().describe('When the API server received it, as it says.'),
    fieldManager: z.string().nullable().describe('As the request named it.'),
  })
  .meta({ id: 'ChangeRequest', description: 'A request to an API server that made a change, or may have.' });

export const toolClaim = z
  .strictObject({
    tool: z.enum(['argocd', 'flux', 'helm']),
    application: z.string().describe('What the tool applies: its kind, namespace and name.'),
    revision: z.string().nullable().describe('What it had applied last when the change was seen; null = not known.'),
    commit: z.strictObject({ author: z.string(), message: z.string(), at: z.string() }).nullable(),
    initiatedBy: z.strictObject({ username: z.string(), automated: z.boolean() }).nullable(),
    source: z.string().describe('The label or annotation of the object that led there.'),
  })
  .meta({
    id: 'ToolClaim',
    description: 'What a GitOps tool claims of a change. Whoever may write the object can copy its labels: no proof.',
  });
