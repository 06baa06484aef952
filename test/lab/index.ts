/** The lab as tests, benches and the demo use it. */
export { ask } from './ask.ts';
export { agentIdentity, clientIdentity, coordinatorIdentity, foreignIdentity } from './certificates.ts';
export type { Output } from './command.ts';
export { startContainerd, stopContainerd } from './containerd.ts';
export { connectCri, type Cri } from './cri.ts';
export { daemonPid, runsDaemon } from './daemon.ts';
export { down } from './down.ts';
export { addImage } from './image.ts';
export { apply, kubectl, kubectlCommand, type KubectlOptions, runKubectl } from './kubernetes/kubectl.ts';
export { startKubelet, stopKubelet } from './kubernetes/kubelet.ts';
export { type ExecOptions, Lab, type LabKubernetes, type LabNode, open } from './lab.ts';
export { addressOf, type KubernetesUser, type NodeName, nodeNames, type Place, ports } from './layout.ts';
export { loadPodferryImage, podferryImage, podferryImageName } from './podferry.ts';
export {
  type Prometheus,
  type PrometheusOptions,
  type Sample,
  startPrometheus,
  type Target,
  untilUp,
} from './prometheus.ts';
export { monitoringResources } from './prometheus-operator.ts';
export {
  type ContainerSpec,
  lookAtPod,
  type PodSpec,
  removePod,
  type RunningContainer,
  type RunningPod,
  runPod,
} from './run.ts';
export {
  clientFlags,
  type ServiceOptions,
  startAgent,
  startCoordinator,
  startServices,
  stopAgent,
  stopCoordinator,
} from './services.ts';
export { type LabStatus, status } from './status.ts';
export { up, type UpOptions } from './up.ts';
