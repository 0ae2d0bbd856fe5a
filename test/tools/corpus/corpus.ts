import {CONVOLUTION_NETS} from './convolutionNets.ts';
import type {CorpusModel} from './corpusModel.ts';
import {OTHER_NETS} from './otherNets.ts';

/** Small models of everything that exporters do, made by seed. */
export const CORPUS: readonly CorpusModel[] = [...CONVOLUTION_NETS, ...OTHER_NETS];

/** Real ones, in the folder of shared models; `amplitude` is that of their inputs where it is not 1. */
export const SHARED_CORPUS: readonly {
  readonly path: string;
  readonly tolerance?: number;
  readonly amplitude?: number;
}[] = [
  {path: 'ad01-autoencoder/ad01_autoencoder.onnx'},
  {path: 'cifar10-resnet/resnet20_cifar10.onnx'},
  {path: 'cifar10-resnet/resnet32_cifar10.onnx'},
  {path: 'cifar10-resnet/resnet56_cifar10.onnx'},
  {path: 'cifar10-resnet8/resnet8_cifar10.onnx', amplitude: 255},
  {path: 'dscnn-kws/dscnn_kws.onnx'},
  {path: 'mnist-cnn/mnist.onnx', amplitude: 255},
  {path: 'mnist-mlp/mnist_6_200_nat.onnx'},
  {path: 'mnist-mlp/mnist_conv_small_nat.onnx'},
  {path: 'squeezenet/squeezenet1.1_fp32.onnx', amplitude: 128},
  {path: 'squeezenet/SqueezeNet_fp16.onnx', tolerance: 5e-3},
  {path: 'super-resolution/super_resolution_10.onnx'},
  {path: 'vww-mobilenetv1/mobilenetv1_025_vww.onnx'},
];
