import { credentials, type ServiceError } from '@grpc/grpc-js';
import type { RuntimeServiceClient } from '../../proto/gen/runtime/v1/RuntimeService.ts';
import type { ImageServiceClient } from '../../proto/gen/runtime/v1/ImageService.ts';
import { load } from '../../proto/load.ts';

/** The CRI calls that the lab makes, as kubelet would make them. The agent has its own client: this one tests it. */

type Unary<Request, Answer> = (
  request: Request,
  callback: (error: ServiceError | null, answer?: Answer) => void,
) => { cancel(): void };

function unary<Request, Answer>(name: string, call: Unary<Request, Answer>) {
  return (request: Request, signal?: AbortSignal): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const running = call(request, (error, answer) => {
        signal?.removeEventListener('abort', cancel);
        if (error || answer === undefined)
          reject(new Error(`${name}: ${error?.details ?? 'no answer'}`, { cause: error }));
        else resolve(answer);
      });
      const cancel = () => running.cancel();
      if (signal?.aborted) cancel();
      signal?.addEventListener('abort', cancel);
    });
}

export function connectCri(socket: string) {
  const { RuntimeService, ImageService } = load('cri/api.proto').runtime.v1;
  const open = [`unix:${socket}`, credentials.createInsecure()] as const;
  const runtime: RuntimeServiceClient = new RuntimeService(...open);
  const images: ImageServiceClient = new ImageService(...open);
  return {
    runPodSandbox: unary('RunPodSandbox', runtime.RunPodSandbox.bind(runtime)),
    stopPodSandbox: unary('StopPodSandbox', runtime.StopPodSandbox.bind(runtime)),
    removePodSandbox: unary('RemovePodSandbox', runtime.RemovePodSandbox.bind(runtime)),
    podSandboxStatus: unary('PodSandboxStatus', runtime.PodSandboxStatus.bind(runtime)),
    listPodSandbox: unary('ListPodSandbox', runtime.ListPodSandbox.bind(runtime)),
    createContainer: unary('CreateContainer', runtime.CreateContainer.bind(runtime)),
    startContainer: unary('StartContainer', runtime.StartContainer.bind(runtime)),
    stopContainer: unary('StopContainer', runtime.StopContainer.bind(runtime)),
    removeContainer: unary('RemoveContainer', runtime.RemoveContainer.bind(runtime)),
    listContainers: unary('ListContainers', runtime.ListContainers.bind(runtime)),
    containerStatus: unary('ContainerStatus', runtime.ContainerStatus.bind(runtime)),
    imageStatus: unary('ImageStatus', images.ImageStatus.bind(images)),
    close() {
      runtime.close();
      images.close();
    },
  };
}

export type Cri = ReturnType<typeof connectCri>;
