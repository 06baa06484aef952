import { describe, expect, it } from 'vitest';
import { containerConfig, parseLossless, podConfig } from '../../agent/runtime/verbose-info.ts';
import { load } from '../../proto/load.ts';

/** As Go renders it: numbers for enums and 64-bit values, text for an environment's values. */
const containerJson = `{
  "metadata": {"name": "redis", "attempt": 2},
  "image": {"image": "docker.io/library/redis:8", "user_specified_image": "redis:8"},
  "command": ["redis-server"],
  "envs": [{"key": "GREETING", "value": "grüß dich"}, {"key": "EMPTY"}],
  "mounts": [{"container_path": "/data", "host_path": "/srv", "propagation": 2, "uidMappings": [{"host_id": 5}]}],
  "labels": {"io.kubernetes.pod.name": "redis"},
  "linux": {
    "resources": {"cpu_period": 100000, "memory_limit_in_bytes": 9223372036854775807, "hugepage_limits": [{"page_size": "2MB", "limit": 18446744073709551615}]},
    "security_context": {"run_as_user": {}, "namespace_options": {"pid": 1}, "seccomp": {"profile_type": 1}, "supplemental_groups": [7]}
  },
  "CDI_devices": [{"name": "vendor.com/gpu=0"}],
  "stop_signal": 23
}`;

describe('a config from the JSON of a verbose status', () => {
  const config = containerConfig(parseLossless(containerJson));

  it('has names for enums, and exact 64-bit numbers', () => {
    expect(config.mounts[0]).toMatchObject({ propagation: 'PROPAGATION_BIDIRECTIONAL', uidMappings: [{ host_id: 5 }] });
    expect(config.linux?.resources).toMatchObject({
      cpu_period: '100000',
      memory_limit_in_bytes: '9223372036854775807',
      hugepage_limits: [{ page_size: '2MB', limit: '18446744073709551615' }],
    });
    expect(config.linux?.security_context).toMatchObject({
      namespace_options: { network: 'POD', pid: 'CONTAINER' },
      seccomp: { profile_type: 'Unconfined' },
      supplemental_groups: ['7'],
    });
    expect(config.stop_signal).toBe('SIGNAL_SIGTERM');
  });

  it('tells user 0 from no user', () => {
    expect(config.linux?.security_context).toMatchObject({ run_as_user: { value: '0' }, run_as_group: null });
  });

  it('reaches the wire unchanged, by way of JSON', () => {
    const { CreateContainer } = load('cri/api.proto').runtime.v1.RuntimeService.service;
    const copy = JSON.parse(JSON.stringify(config)) as typeof config;
    const sent = CreateContainer.requestDeserialize(CreateContainer.requestSerialize({ config: copy }));
    expect(sent.config).toEqual({
      ...config,
      envs: [
        { key: 'GREETING', value: Buffer.from('grüß dich') },
        { key: 'EMPTY', value: Buffer.from('') },
      ],
    });
  });

  it.each([
    ['{"invented": 1}', 'ContainerConfig.invented'],
    ['{"mounts": [{}, {"invented": 1}]}', 'ContainerConfig.mounts[1].invented'],
    ['{"linux": {"security_context": {"invented": 1}}}', 'ContainerConfig.linux.security_context.invented'],
    ['{"stop_signal": 99}', 'ContainerConfig.stop_signal has the value 99'],
    ['"text"', 'ContainerConfig is "text"'],
    ['null', 'ContainerConfig is null'],
  ])('refuses what a copy would lack: %s', (json, words) => {
    expect(() => containerConfig(parseLossless(json))).toThrow(words);
  });

  it('takes null for absent, as Go writes it', () => {
    expect(podConfig(parseLossless('{"linux": null, "labels": null, "port_mappings": null}'))).toMatchObject({
      linux: null,
      labels: {},
      port_mappings: [],
    });
  });
});

describe('parseLossless', () => {
  it('keeps numbers that a double can hold, and the digits of others', () => {
    expect(parseLossless('[1, -1.5, 9007199254740991, 18446744073709551615, "1"]')).toEqual([
      1,
      -1.5,
      9007199254740991,
      '18446744073709551615',
      '1',
    ]);
  });
});
