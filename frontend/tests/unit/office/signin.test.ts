import { describe, expect, it } from 'vitest'
import { authorizeUrl, NotSignedIn, readCode, type Pending } from '@/office/signin'

const pending: Pending = { state: 's-1', verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk', hash: '#/order/1' }

describe('sign-in', () => {
  it('asks for a code with a challenge, never with the verifier itself', () => {
    const url = new URL(
      authorizeUrl('https://issuer.example/auth?tenant=a', {
        clientId: 'office',
        audience: 'urn:lk',
        redirect: 'https://desk.example/office',
        state: pending.state,
        verifier: pending.verifier,
      }),
    )
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      tenant: 'a',
      response_type: 'code',
      client_id: 'office',
      resource: 'urn:lk',
      redirect_uri: 'https://desk.example/office',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    })
    expect(url.href).not.toContain(pending.verifier)
  })

  it('takes a code only for the sign-in that this tab began', () => {
    expect(readCode('', pending)).toBeUndefined()
    expect(readCode('?lang=en', undefined)).toBeUndefined()
    expect(readCode('?code=c&state=s-1', pending)).toBe('c')
    expect(() => readCode('?code=c&state=other', pending)).toThrow(NotSignedIn)
    expect(() => readCode('?code=c&state=s-1', undefined)).toThrow(NotSignedIn)
  })

  it('says why the issuer refused', () => {
    expect(() => readCode('?error=access_denied&state=s-1', pending)).toThrow('access_denied')
  })
})
