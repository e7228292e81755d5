/** Options of the container image. */
export const imageOptions = {
  'image-repository': {
    type: 'string',
    description: 'Where the image is pushed: registry.example.com/group/model. Default in CI: CI_REGISTRY_IMAGE.',
    regex: '^([a-z0-9][A-Za-z0-9._:/-]*)?$',
    default: '',
    manifest: 'image.repository',
  },
  'image-tag': {
    type: 'string',
    description: 'Tag of the image. Default: the commit.',
    regex: '^([A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$',
    default: '',
  },
  promote: {
    type: 'string',
    description:
      'Give this image of the registry the tag image-tag instead of building: same digest, nothing is built. Default in the pipeline of a tag: the image of its commit, if there is one.',
    regex: '^([A-Za-z0-9][A-Za-z0-9._/:-]*(@sha256:[0-9a-f]{64})?)?$',
    default: '',
  },
  builder: {
    type: 'string',
    description: 'How the image is made; auto takes the first that the runner allows.',
    options: ['', 'auto', 'buildah', 'buildkit', 'append'],
    default: '',
    manifest: 'image.builder',
  },
  'build-cache': {
    type: 'string',
    description:
      'Folder on the disk of the runner, by its whole path, in which buildah keeps layers between builds: a change of code then installs no packages again. Empty: nothing is kept.',
    regex: '^(/[A-Za-z0-9._/:@+=, -]*)?$',
    default: '',
  },
} as const;
