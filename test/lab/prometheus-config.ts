/** What Prometheus is told to scrape: that which its operator would make of a PodMonitor, so that one is what is tried. */

/** Of a PodMonitor, what this takes; anything else it refuses. */
export interface PodMonitor {
  metadata: { name: string; namespace?: string };
  spec: {
    jobLabel?: string;
    selector: {
      matchLabels?: Record<string, string>;
      matchExpressions?: readonly { key: string; operator: string; values: readonly string[] }[];
    };
    podMetricsEndpoints: readonly {
      port: string;
      interval?: string;
      scrapeTimeout?: string;
      relabelings?: readonly Relabeling[];
    }[];
  };
}

interface Relabeling {
  action?: string;
  sourceLabels?: readonly string[];
  regex?: string;
  targetLabel?: string;
  replacement?: string;
}

/** A pod as the API server has it. */
export interface ScrapedPod {
  metadata: { name: string; namespace: string; labels?: Record<string, string> };
  spec: {
    nodeName?: string;
    containers: readonly { name: string; ports?: readonly { name?: string; containerPort: number }[] }[];
  };
  status: { phase?: string; podIP?: string };
}

/** Where the pods are: asked of an API server, or given. */
export type Pods = { kubeconfig: string } | { pods: readonly ScrapedPod[] };

type Labels = Record<string, string>;

/** One scrape_config for each endpoint. @param interval in the place of the monitor's own: tests do not wait for minutes */
export function scrapeConfigs({ metadata, spec }: PodMonitor, pods: Pods, interval: string): object[] {
  const namespace = metadata.namespace ?? 'default';
  return spec.podMetricsEndpoints.map((endpoint, index) => ({
    job_name: `podMonitor/${namespace}/${metadata.name}/${index}`,
    scrape_interval: interval,
    scrape_timeout: interval,
    ...('kubeconfig' in pods
      ? {
          kubernetes_sd_configs: [
            { role: 'pod', kubeconfig_file: pods.kubeconfig, namespaces: { names: [namespace] } },
          ],
        }
      : { static_configs: pods.pods.filter((pod) => pod.metadata.namespace === namespace).flatMap(discovered) }),
    relabel_configs: [
      keepNot(['__meta_kubernetes_pod_phase'], '(Failed|Succeeded)'),
      ...selects(spec.selector),
      keep(['__meta_kubernetes_pod_container_port_name'], endpoint.port),
      copy('__meta_kubernetes_namespace', 'namespace'),
      copy('__meta_kubernetes_pod_container_name', 'container'),
      copy('__meta_kubernetes_pod_name', 'pod'),
      { target_label: 'job', replacement: `${namespace}/${metadata.name}` },
      ...(spec.jobLabel === undefined
        ? []
        : [{ ...copy(`__meta_kubernetes_pod_label_${clean(spec.jobLabel)}`, 'job') }]),
      { target_label: 'endpoint', replacement: endpoint.port },
      ...(endpoint.relabelings ?? []).map(asPrometheusHasIt),
    ],
  }));
}

function selects({ matchLabels = {}, matchExpressions = [] }: PodMonitor['spec']['selector']): object[] {
  const wanted = Object.entries(matchLabels).map(([key, value]) => ({ key, operator: 'In', values: [value] }));
  return [...wanted, ...matchExpressions].map(({ key, operator, values }) => {
    if (operator !== 'In') throw new Error(`a PodMonitor that selects by ${operator}: only In is known here`);
    const label = clean(key);
    const sources = [`__meta_kubernetes_pod_label_${label}`, `__meta_kubernetes_pod_labelpresent_${label}`];
    return keep(sources, `(${values.join('|')});true`);
  });
}

const keep = (source_labels: readonly string[], regex: string) => ({ action: 'keep', source_labels, regex });
const keepNot = (source_labels: readonly string[], regex: string) => ({ action: 'drop', source_labels, regex });
const copy = (from: string, to: string) => ({ source_labels: [from], regex: '(.+)', target_label: to });

function asPrometheusHasIt({ sourceLabels, targetLabel, ...same }: Relabeling): object {
  return {
    ...same,
    ...(sourceLabels && { source_labels: sourceLabels }),
    ...(targetLabel !== undefined && { target_label: targetLabel }),
  };
}

/** As Prometheus writes the name of a label of Kubernetes. */
function clean(label: string): string {
  return label.replaceAll(/[^a-zA-Z0-9_]/g, '_');
}

/** What the discovery of Prometheus says of a pod: a target for each port of each container. */
function discovered({ metadata, spec, status }: ScrapedPod): object[] {
  const ofPod: Labels = {
    __meta_kubernetes_namespace: metadata.namespace,
    __meta_kubernetes_pod_name: metadata.name,
    __meta_kubernetes_pod_phase: status.phase ?? '',
    __meta_kubernetes_pod_node_name: spec.nodeName ?? '',
  };
  for (const [label, value] of Object.entries(metadata.labels ?? {})) {
    ofPod[`__meta_kubernetes_pod_label_${clean(label)}`] = value;
    ofPod[`__meta_kubernetes_pod_labelpresent_${clean(label)}`] = 'true';
  }
  if (status.podIP === undefined) return [];
  return spec.containers.flatMap((container) =>
    (container.ports ?? []).map(({ name = '', containerPort }) => ({
      targets: [`${status.podIP}:${containerPort}`],
      labels: {
        ...ofPod,
        __meta_kubernetes_pod_container_name: container.name,
        __meta_kubernetes_pod_container_port_name: name,
      },
    })),
  );
}
