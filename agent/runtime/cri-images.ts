/**
 * Images over CRI v1.
 */
import type { Image__Output } from '../../proto/gen/runtime/v1/Image.ts';
import { load } from '../../proto/load.ts';
import type { Channel } from './channel.ts';
import type { Image, ImageStore } from './runtime.ts';

export function criImages(channel: Channel): ImageStore {
  const methods = load('cri/api.proto').runtime.v1.ImageService.service;
  return {
    async image(reference, signal) {
      const call = { subject: reference, repeatable: true, signal };
      const answer = await channel.send(methods.ImageStatus, { image: { image: reference } }, call);
      return answer.image === null ? undefined : image(answer.image);
    },

    async listImages(signal) {
      const { images } = await channel.send(methods.ListImages, {}, { subject: '', repeatable: true, signal });
      return images.map(image);
    },
  };
}

function image({ id, repo_tags: tags, repo_digests: digests, size }: Image__Output): Image {
  return { id, tags, digests, bytes: Number(size) };
}
