import t from 'tap';
import { eventForms, eventLine, headerLines } from './event-lines.ts';
import { eventTable } from './event-table.ts';

const applied = {
  ...{ seq: '7', id: 'x', type: 'applied', cluster: 'eu', kind: 'HTTPRoute', namespace: 'shop', name: 'shop' },
  ...{ uid: 'u', at: '2026-11-28T10:00:00.000Z', recordedAt: '2026-11-28T10:00:00.020Z', generation: 2, to: null },
  ...{ changedBy: { manager: 'kubectl', operation: 'Update' }, reason: null, ticket: null, from: null, outcome: null },
  confirmation: null,
  ...{ certainty: 'manager only' as const, requests: [], claim: null },
};
const refused = {
  ...applied,
  ...{ seq: '8', type: 'rollback', kind: 'Gateway', namespace: 'platform', name: 'shared', to: 3 },
  ...{ changedBy: { manager: 'alice|admin', operation: 'operator' }, from: '::1', certainty: 'verified' as const },
  outcome: { result: 'refused' as const, replaced: null, message: 'pinned by "bob",\nsince = noon' },
};
const login = {
  ...applied,
  ...{ seq: '9', type: 'logins-refused', cluster: '', kind: 'Login', namespace: '', name: '', changedBy: null },
  reason: '=cmd(1)',
  certainty: 'unknown' as const,
};

await t.test('CSV: quoted by RFC 4180, and no cell is a formula to a spreadsheet', async (t) => {
  t.same(headerLines('csv', { bodies: false }), [
    'seq,recordedAt,claimedAt,type,cluster,kind,namespace,name,uid,by,as,from,to,result,reason,ticket,' +
      'requestedBy,certainty,user,impersonator,groups,userAgent,sourceAddress,auditId,tool,role,claim',
  ]);
  t.equal(
    eventLine('csv', applied, '1'),
    '7,2026-11-28T10:00:00.020Z,2026-11-28T10:00:00.000Z,applied,eu,HTTPRoute,shop,shop,u,kubectl,Update,,,,,,,manager only,,,,,,,,,',
  );
  t.match(eventLine('csv', refused, '1'), /,3,refused,"pinned by ""bob"",\nsince = noon",,,verified,{9}$/);
  t.match(eventLine('csv', login, '1'), /,'=cmd\(1\),,,unknown,{9}$/);
});

await t.test('CEF: header and values are escaped, and only what is known is there', async (t) => {
  t.equal(
    eventLine('cef', applied, '0.1.0'),
    'CEF:0|Fleetgate|fleetgate|0.1.0|applied|applied|3|rt=1795860000020 externalId=7 suser=kubectl spriv=Update ' +
      'deviceCustomDate1Label=claimedAt deviceCustomDate1=1795860000000 ' +
      'cs6Label=uid cs6=u cs1Label=cluster cs1=eu cs2Label=kind cs2=HTTPRoute ' +
      'cs3Label=namespace cs3=shop cs4Label=name cs4=shop flexString2Label=certainty flexString2=manager only',
  );
  const line = eventLine('cef', refused, '0.1.0');
  t.match(line, /\|rollback\|rollback to 3, refused\|5\|/);
  t.match(line, 'suser=alice|admin spriv=operator shost=::1 ');
  t.match(line, ' cn1Label=version cn1=3 ');
  t.match(line, String.raw`outcome=failure reason=pinned by "bob", since \= noon cs1Label`);
  t.notMatch(eventLine('cef', login, '1'), /cs1|suser/);
});

await t.test('why a change was made, and the ticket that asked for it, stand in every form', async (t) => {
  const told = { ...applied, reason: 'slow cart', ticket: 'OPS-1' };
  t.match(eventLine('csv', told, '1'), /,slow cart,OPS-1,,manager only,{9}$/);
  t.match(eventLine('cef', told, '1'), /reason=slow cart .* cs5Label=ticket cs5=OPS-1 flexString2Label/);
  t.match(eventLine('text', told, '1'), /by kubectl \(manager only\): OPS-1 slow cart$/);
  t.match(eventTable([told], { now: new Date(), width: undefined }), /kubectl +manager only +OPS-1 slow cart/);
});

await t.test('bodies stand in every form for machines', async (t) => {
  const [before, after] = [{ spec: { a: '1,\n=2' } }, { spec: { a: 2 } }];
  const told = { ...applied, bodies: { before, after } };
  t.match(headerLines('csv', { bodies: true })[0], /,claim,before,after$/);
  t.match(eventLine('csv', told, '1'), String.raw`,"{""spec"":{""a"":""1,\n=2""}}","{""spec"":{""a"":2}}"`);
  t.match(eventLine('csv', { ...told, bodies: { before: null, after } }, '1'), /,,,"\{""spec"":\{""a"":2\}\}"$/);
  t.match(eventLine('cef', told, '1'), String.raw` before={"spec":{"a":"1,\\n\=2"}} after={"spec":{"a":2}}`);
  t.strictSame(JSON.parse(eventLine('jsonl', told, '1')), told);
});

await t.test('who asked for what another confirmed, and who went without, is told', async (t) => {
  const confirmation = { command: 'rollback', request: 'r1', requestedBy: 'ann', bypassed: false };
  const approved = { ...refused, type: 'approved', outcome: null, confirmation };
  t.match(eventLine('csv', approved, '1'), /,ann,verified,{9}$/);
  t.match(
    eventLine('cef', approved, '1'),
    /\|approved rollback to 3\|5\|.* flexString1Label=requestedBy flexString1=ann flexString2Label=/,
  );
  const alone = { ...refused, outcome: null, confirmation: { ...confirmation, requestedBy: null, bypassed: true } };
  t.match(eventLine('cef', alone, '1'), /\|rollback to 3 without confirmation\|8\|/);
});

await t.test('every form is one line for each event, but for quoted cells', async (t) => {
  t.same(JSON.parse(eventLine('jsonl', refused, '1')), refused);
  for (const form of eventForms) t.notMatch(eventLine(form, login, '1'), '\n', form);
  t.equal(
    eventLine('text', refused, '1'),
    '2026-11-28T10:00:00.020Z #8 rollback to 3, refused eu/Gateway/platform/shared by alice|admin (verified): ' +
      'pinned by "bob", since = noon',
  );
});

await t.test('who asked for a change and what a tool claims stand in every form', async (t) => {
  const request = {
    ...{ role: null, user: 'bob', uid: '', groups: ['dev', 'system:authenticated'], impersonator: 'alice' },
    ...{ userAgent: 'kubectl/v1.36.3 (linux)', tool: 'kubectl', sourceAddresses: ['192.0.2.7'], auditId: 'a-1' },
    ...{ verb: 'patch', at: '2026-11-28T10:00:00Z', fieldManager: null },
  };
  const claim = {
    ...{ tool: 'argocd' as const, application: 'Application argocd/shop', revision: `main@sha1:${'3f'.repeat(20)}` },
    ...{ commit: null, initiatedBy: { username: 'carol', automated: false }, source: 'annotation x' },
  };
  const known = { ...applied, certainty: 'verified' as const, requests: [request], claim };
  const said = 'claims: argocd Application argocd/shop @ main@sha1:3f3f3f3f3f3f, begun by carol';
  t.equal(
    eventLine('csv', known, '1').split(',Update,,,,,,,')[1],
    `verified,bob,alice,dev system:authenticated,kubectl/v1.36.3 (linux),192.0.2.7,a-1,kubectl,,"${said}"`,
  );
  t.match(
    eventLine('cef', known, '1'),
    'suser=alice duser=bob spriv=dev system:authenticated ' +
      'requestClientApplication=kubectl/v1.36.3 (linux) src=192.0.2.7',
  );
  t.match(eventLine('cef', known, '1'), 'flexString2=verified auditId=a-1 claim=claims: argocd');
  t.match(eventLine('text', known, '1'), `by alice as bob (verified): ${said}`);
  t.match(eventTable([known], { now: new Date(), width: undefined }), /alice as bob +verified +claims: argocd/);
  const other = { ...request, user: 'erin', impersonator: null, auditId: 'a-2' };
  const oneOf = { ...known, certainty: 'one of' as const, requests: [request, other] };
  t.match(eventLine('cef', oneOf, '1'), /suser=kubectl .*flexString2=one of auditId=a-1 a-2/, 'no guess');
  t.match(eventLine('text', oneOf, '1'), 'by alice as bob or erin (one of)');
  const gone = {
    ...known,
    requests: [
      { ...other, role: 'asked' as const },
      { ...request, role: 'finalizer' as const },
    ],
  };
  t.match(eventLine('csv', gone, '1'), ',verified,erin; bob,; alice,');
  t.match(eventLine('csv', gone, '1'), ',asked; finalizer,');
  t.match(eventLine('text', gone, '1'), 'by erin (verified)');
});

await t.test('the table names what is about no object, too', async (t) => {
  const table = eventTable([login, applied], { now: new Date(), width: undefined });
  t.match(table, /logins-refused {2}Login +- +unknown +=cmd/);
  t.match(table, 'eu/HTTPRoute/shop/shop');
});
