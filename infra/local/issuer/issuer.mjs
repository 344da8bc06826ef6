// The demo staff's sign-in: an OpenID Connect issuer on loopback that asks for no password.
//
// It hands out JWT access tokens as a real issuer does (RFC 9068, RS256, the audience as resource
// indicator), so the same check runs here and deployed. Sessions live in memory; its keys live in
// the data folder, so a token outlives a restart.
//
// Started by infra/local/issuer/__init__.py with one argument, JSON:
//   modules   node_modules with oidc-provider       port       to listen on, 127.0.0.1 only
//   keys      file of the keys, made if missing     staff      [{sub, name, role, office}]
//   origins   of the pages that may sign in         redirects  their addresses to come back to
//   client    client id                             audience   of the access tokens
//   clock     file of how far the platform's clock is ahead: {"ahead_seconds": 0}

import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const HOUR = 3600
const TOKEN_TTL = HOUR
const SHIFT_TTL = 12 * HOUR
const DEMO_GRANT = 'urn:lightkeeper:demo'
const SCOPE = 'desk'
const OIDC_SCOPES = ['openid', 'profile', 'offline_access']
const SUBJECT = /^[!-~]{1,64}$/
const MAX_FORM = 4096

const config = JSON.parse(process.argv[2])
const issuer = `http://127.0.0.1:${config.port}`
const hosts = new Set([`127.0.0.1:${config.port}`, `localhost:${config.port}`])

// The platform's clock may have been set ahead; tokens must be of its time.
const machine = Date.now
let ahead = 0
function readClock() {
  if (existsSync(config.clock)) ahead = JSON.parse(readFileSync(config.clock, 'utf8')).ahead_seconds * 1000
}
readClock()
setInterval(readClock, 200).unref()
Date.now = () => machine() + ahead

// The parent holds the other end of our input: when it dies, however it dies, we end.
process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume()

const entry = createRequire(join(config.modules, '.')).resolve('oidc-provider')
const { default: Provider, errors, interactionPolicy } = await import(pathToFileURL(entry))

const stylesheet = readFileSync(new URL('issuer.css', import.meta.url))

/** The signing key and the cookies' keys, made once; only their owner may read them. */
function keys() {
  if (!existsSync(config.keys)) {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const jwk = privateKey.export({ format: 'jwk' })
    const kid = createHash('sha256').update(jwk.n).digest('base64url').slice(0, 16)
    const made = {
      jwks: { keys: [{ ...jwk, kid, alg: 'RS256', use: 'sig' }] },
      cookies: [randomBytes(32).toString('base64url')],
    }
    const draft = `${config.keys}.draft`
    const file = openSync(draft, 'w', 0o600)
    writeSync(file, JSON.stringify(made))
    fsyncSync(file)
    closeSync(file)
    renameSync(draft, config.keys)
  }
  return JSON.parse(readFileSync(config.keys, 'utf8'))
}

/** Everybody who can be picked, as the file says now. */
function staff() {
  return existsSync(config.staff) ? JSON.parse(readFileSync(config.staff, 'utf8')) : []
}

function escaped(text) {
  const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return String(text).replace(/[&<>"']/g, (sign) => entities[sign])
}

function page(title, body) {
  return `<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/issuer.css">
</head>
<body>
<main>
${body}
</main>
</body>
</html>`
}

function pickPage(uid) {
  const offices = Map.groupBy
    ? Map.groupBy(staff(), (person) => person.office)
    : staff().reduce((groups, person) => {
        groups.set(person.office, [...(groups.get(person.office) ?? []), person])
        return groups
      }, new Map())
  const groups = [...offices].map(([office, people]) => {
    const buttons = people.map(
      (person) =>
        `<li><button name="sub" value="${escaped(person.sub)}">${escaped(person.name)} <small>${escaped(person.role)}</small></button></li>`,
    )
    return `<section><h2>${escaped(office)}</h2><ul>${buttons.join('')}</ul></section>`
  })
  return page(
    '演示登录 Demo sign-in',
    `<h1>演示登录 <span lang="en">Demo sign-in</span></h1>
<p>只在这台电脑上可用，不需要密码。请选择您要扮演的人员。
<span lang="en">On this computer only, without a password. Choose whom to act as.</span></p>
<form method="post" action="/interaction/${escaped(uid)}">
${groups.join('\n')}
</form>
<form method="post" action="/interaction/${escaped(uid)}">
<h2><label for="sub">其他人员的登录标识 <span lang="en">Somebody else’s subject</span></label></h2>
<p><input id="sub" name="sub" required maxlength="64" pattern="[!-~]+" autocomplete="off" spellcheck="false">
<button>登录 <span lang="en">Sign in</span></button></p>
</form>`,
  )
}

async function form(request) {
  const parts = []
  let size = 0
  for await (const part of request) {
    size += part.length
    if (size > MAX_FORM) return new URLSearchParams()
    parts.push(part)
  }
  return new URLSearchParams(Buffer.concat(parts).toString('utf8'))
}

const { jwks, cookies } = keys()

const policy = interactionPolicy.base()
policy.remove('consent')

const resourceServer = {
  scope: SCOPE,
  audience: config.audience,
  accessTokenTTL: TOKEN_TTL,
  accessTokenFormat: 'jwt',
  jwt: { sign: { alg: 'RS256' } },
}

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: config.client,
      client_name: '守灯 Lightkeeper',
      redirect_uris: config.redirects,
      post_logout_redirect_uris: config.redirects,
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token', DEMO_GRANT],
      token_endpoint_auth_method: 'none',
    },
  ],
  jwks,
  cookies: { keys: cookies },
  scopes: [...OIDC_SCOPES, SCOPE],
  responseTypes: ['code'],
  claims: { openid: ['sub'], profile: ['name'] },
  conformIdTokenClaims: false,
  clientBasedCORS: (_ctx, origin) => config.origins.includes(origin),
  findAccount: (_ctx, sub) => ({
    accountId: sub,
    claims: () => ({ sub, name: staff().find((person) => person.sub === sub)?.name ?? sub }),
  }),
  // The staff have nothing to consent to: the desk is theirs.
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    })
    grant.addOIDCScope(OIDC_SCOPES.join(' '))
    grant.addResourceScope(config.audience, SCOPE)
    await grant.save()
    return grant
  },
  interactions: { policy, url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: () => true,
  expiresWithSession: () => false,
  rotateRefreshToken: false, // two tabs may refresh at once
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_ctx, _client, oneOf) => oneOf ?? config.audience,
      useGrantedResource: () => true,
      getResourceServerInfo(_ctx, resource) {
        if (resource !== config.audience) throw new errors.InvalidTarget()
        return resourceServer
      },
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource(ctx, logoutForm) {
        ctx.body = page(
          '退出登录 Sign out',
          `<h1>退出登录？ <span lang="en">Sign out?</span></h1>${logoutForm}
<p><button form="op.logoutForm" name="logout" value="yes">退出 <span lang="en">Sign out</span></button>
<button form="op.logoutForm">不退出 <span lang="en">Stay</span></button></p>`,
        )
      },
      postLogoutSuccessSource(ctx) {
        ctx.body = page('已退出 Signed out', '<h1>已退出 <span lang="en">Signed out</span></h1>')
      },
    },
  },
  ttl: {
    AccessToken: TOKEN_TTL,
    AuthorizationCode: 60,
    IdToken: TOKEN_TTL,
    RefreshToken: SHIFT_TTL,
    Grant: SHIFT_TTL,
    Session: SHIFT_TTL,
    Interaction: HOUR,
  },
  renderError(ctx, out) {
    ctx.type = 'html'
    ctx.body = page(
      '登录没有成功 Not signed in',
      `<h1>登录没有成功 <span lang="en">Not signed in</span></h1>
<p>请回到原来的页面，重新登录。 <span lang="en">Please go back to the page you came from and sign in again.</span></p>
<p>${escaped(out.error)}: ${escaped(out.error_description ?? '')}</p>`,
    )
  },
})

// A token by one call, for the README's curl and for tests.
provider.registerGrantType(
  DEMO_GRANT,
  async (ctx) => {
    const { sub } = ctx.oidc.params
    if (!SUBJECT.test(sub ?? '')) throw new errors.InvalidRequest('sub: 1 to 64 visible ASCII characters')
    const token = new provider.AccessToken({
      accountId: sub,
      client: ctx.oidc.client,
      gty: 'demo',
      scope: SCOPE,
    })
    token.resourceServer = new provider.ResourceServer(config.audience, resourceServer)
    const value = await token.save()
    ctx.body = { access_token: value, token_type: 'Bearer', expires_in: token.expiration, scope: SCOPE }
  },
  ['sub'],
)

const formTargets = ["'self'", ...config.origins].join(' ')

provider.use(async (ctx, next) => {
  if (!hosts.has(ctx.get('host').toLowerCase())) ctx.throw(421)
  ctx.set({
    'Content-Security-Policy': `default-src 'none'; style-src 'self'; img-src data:; form-action ${formTargets}; base-uri 'none'; frame-ancestors 'none'`,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
  })
  const interaction = /^\/interaction\/[\w-]{1,64}$/.test(ctx.path)
  if (ctx.path === '/issuer.css' && ctx.method === 'GET') {
    ctx.type = 'css'
    ctx.body = stylesheet
  } else if (interaction && ctx.method === 'GET') {
    const { uid } = await details(ctx)
    ctx.type = 'html'
    ctx.set('Cache-Control', 'no-store')
    ctx.body = pickPage(uid)
  } else if (interaction && ctx.method === 'POST') {
    await details(ctx)
    const sub = (await form(ctx.req)).get('sub') ?? ''
    if (!SUBJECT.test(sub)) ctx.throw(400)
    const login = { accountId: sub, remember: true }
    ctx.status = 303
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, { login }))
  } else {
    await next()
  }
})

/** The sign-in that a browser is in the middle of; 400 if it is over or another browser's. */
async function details(ctx) {
  try {
    return await provider.interactionDetails(ctx.req, ctx.res)
  } catch (error) {
    if (error instanceof errors.SessionNotFound) ctx.throw(400)
    throw error
  }
}

const server = provider.listen(config.port, '127.0.0.1')
server.on('error', (error) => {
  const taken = error.code === 'EADDRINUSE'
  console.error(taken ? `port ${config.port} is taken by another program` : String(error))
  process.exit(1)
})
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))
