import { afterEach, describe, expect, it, vi } from 'vitest';
import { formatDuration, parseDuration } from '../../../coordinator/duration.ts';
import { readSettings } from '../../../coordinator/settings.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const least = ['--agents', 'node-a=10.0.0.1:7440,node-b=[::1]:7440', '--insecure-plaintext'];

describe('settings', () => {
  it('have defaults for all but agents and certificates', () => {
    expect(readSettings(least)).toEqual({
      listen: { host: '0.0.0.0', port: 7443 },
      metricsListen: { host: '0.0.0.0', port: 7444 },
      tlsDir: undefined,
      agents: new Map([
        ['node-a', '10.0.0.1:7440'],
        ['node-b', '[::1]:7440'],
      ]),
      agentSelector: undefined,
      agentPort: 7440,
      kubeconfig: undefined,
      tokenAudience: undefined,
      leaderElect: false,
      namespace: 'podferry-system',
      authority: undefined,
      pod: undefined,
      addressAnnotation: undefined,
      maxPerNode: 2,
      maxTotal: 4,
      rollBackTimeoutMs: 60_000,
      forwardTimeoutMs: 120_000,
      heldTimeoutMs: 1_800_000,
      logLevel: 'info',
    });
  });

  it('come from the environment, and a flag wins', () => {
    vi.stubEnv('PODFERRY_MAX_TOTAL', '9');
    vi.stubEnv('PODFERRY_LOG_LEVEL', 'warn');
    expect(readSettings([...least, '--log-level', 'debug'])).toMatchObject({ maxTotal: 9, logLevel: 'debug' });
  });

  it.each(['cni.projectcalico.org/ipAddrs', 'addresses', 'a/b_c.d-E'])('take %s for an annotation', (name) => {
    expect(readSettings([...least, '--address-annotation', name])).toMatchObject({ addressAnnotation: name });
  });

  it.each(['a b', '/addresses', 'example.org/', 'a/b/c', `example.org/${'a'.repeat(64)}`])(
    'do not take %j for one',
    (name) => {
      expect(() => readSettings([...least, '--address-annotation', name])).toThrow(
        /--address-annotation: .* annotation/,
      );
    },
  );

  it('report every mistake at once', () => {
    const args = [
      '--agents',
      'node-a=nowhere',
      '--listen',
      '7443',
      '--max-total',
      '0',
      '--forward-timeout',
      'long',
      '--log-level',
      'loud',
    ];
    const message = /--listen: .*\n--agents: .*\n--max-total: .*\n--forward-timeout: .*\n--log-level: .*\n--tls-dir: /;
    expect(() => readSettings(args)).toThrow(message);
  });

  it('are not plaintext because a variable says that they are not', () => {
    vi.stubEnv('PODFERRY_INSECURE_PLAINTEXT', 'false');
    expect(() => readSettings(least.slice(0, 2))).toThrow(/--tls-dir/);
  });

  it('elect a leader only where there can be a lease', () => {
    expect(() => readSettings([...least, '--leader-elect'])).toThrow(/--leader-elect: needs --kubeconfig/);
    expect(readSettings([...least, '--leader-elect', '--kubeconfig', '/x'])).toMatchObject({ leaderElect: true });
    expect(() => readSettings([...least, '--namespace', '../x'])).toThrow(/--namespace: /);
  });

  describe('with an authority', () => {
    const own = ['--authority', 'own', '--agents', 'node-a=10.0.0.1:7440', '--kubeconfig', '/x'];

    it('need no certificates', () => {
      expect(readSettings([...own, '--namespace', 'ferry', '--certificate-lifetime', '12h']).authority).toEqual({
        kind: 'own',
        namespace: 'ferry',
        secret: 'podferry-authority',
        trustConfigMap: 'podferry-trust',
        agentServiceAccount: 'podferry-agent',
        spans: { authorityMs: 365 * 24 * 3_600_000, certificateMs: 12 * 3_600_000, delayMs: 600_000 },
      });
    });

    it('report what does not go together, all at once', () => {
      const message =
        /--authority: needs --kubeconfig.*\n--authority and --tls-dir .*\n--authority and --insecure-plaintext .*\n--authority-lifetime: /;
      const args = [...least, '--tls-dir', '/x', '--authority', 'own', '--authority-lifetime', '24h'];
      expect(() => readSettings(args)).toThrow(message);
      expect(() => readSettings(['--authority', 'somebody', ...own.slice(2)])).toThrow(/^--authority: "somebody" is/);
      expect(() => readSettings([...own, '--authority-secret', '../x'])).toThrow(/^--authority-secret: /);
    });

    it('do not care how long one lives that others keep', () => {
      const given = ['--authority', 'given', ...own.slice(2), '--authority-lifetime', '1s'];
      expect(readSettings(given)).toMatchObject({ authority: { kind: 'given' } });
    });
  });

  it('take agents either as they are given or as pods', () => {
    const selector = ['--agent-selector', 'app=agent', '--insecure-plaintext'];
    expect(readSettings([...selector, '--kubeconfig', '/x', '--agent-port', '7540'])).toMatchObject({
      agents: undefined,
      agentSelector: 'app=agent',
      agentPort: 7540,
    });
    expect(() => readSettings(selector)).toThrow(/^--agent-selector: needs --kubeconfig/);
    expect(() => readSettings([...least, ...selector, '--kubeconfig', '/x'])).toThrow(
      /^--agents and --agent-selector exclude each other$/,
    );
    expect(() => readSettings(['--insecure-plaintext'])).toThrow(/^--agents: .*or --agent-selector/);
    const empty = ['--agent-selector', ' ', '--agent-port', '65536', '--kubeconfig', '/x', '--insecure-plaintext'];
    expect(() => readSettings(empty)).toThrow(/^--agent-selector: .*every pod.*\n--agent-port: .*port/);
  });

  it('know a pod of their own only on Kubernetes', () => {
    expect(() => readSettings([...least, '--pod', 'podferry-coordinator-x'])).toThrow(/^--pod: needs --kubeconfig/);
    expect(() => readSettings([...least, '--pod', '../x', '--kubeconfig', '/x'])).toThrow(/^--pod: /);
  });

  it('take tokens only where somebody knows them', () => {
    expect(() => readSettings([...least, '--token-audience', 'podferry'])).toThrow(
      /--token-audience: needs --kubeconfig/,
    );
    const kubernetes = ['--token-audience', 'podferry', '--kubeconfig', '/x'];
    expect(readSettings([...least, ...kubernetes])).toMatchObject({ tokenAudience: 'podferry' });
  });

  it('do not take one node twice, nor both ways of TLS', () => {
    expect(() => readSettings(['--agents', 'a=h:1,a=h:2', '--insecure-plaintext'])).toThrow(/a stands there twice/);
    expect(() => readSettings([...least, '--tls-dir', '/x'])).toThrow(/exclude each other/);
  });
});

describe('spans of time', () => {
  it.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['1.5s', 1_500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['0s', 0],
  ])('%s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '10', 's', '-1s', '1 s', '1d', '1e3s', '99999999999s'])('%j is none', (text) => {
    expect(() => parseDuration(text)).toThrow(/is not a span of time/);
  });

  it.each([
    [0.4, '0ms'],
    [180.2, '180ms'],
    [999.4, '999ms'],
    [1_240, '1.24s'],
    [12_340, '12.3s'],
    [123_000, '2m03s'],
  ])('%d ms is written %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
