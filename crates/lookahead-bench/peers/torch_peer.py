"""PyTorch's fused optimizers, alone and under the Lookahead of two packages.

Variants: inner (fused=True), la_kozistr (pytorch_optimizer's Lookahead around it), la_timm (timm's).
"""
import protocol

known = ["inner", "la_kozistr", "la_timm"]
options = protocol.arguments(known)

import torch

torch.set_num_threads(options.threads)
gradients = [torch.from_numpy(g) for g in protocol.tensors(options.shapes, "gradient")]


class Variant:
    def __init__(self, name):
        self.params = [torch.nn.Parameter(torch.from_numpy(w)) for w in protocol.tensors(options.shapes, "weights")]
        for param, gradient in zip(self.params, gradients):
            param.grad = gradient
        if options.inner == "sgdm":
            inner = torch.optim.SGD(self.params, lr=1e-3, momentum=0.9, weight_decay=5e-4, fused=True)
        else:
            inner = torch.optim.AdamW(self.params, lr=1e-4, weight_decay=1e-2, fused=True)
        if name == "inner":
            self.optimizer = inner
        elif name == "la_kozistr":
            from pytorch_optimizer import Lookahead

            self.optimizer = Lookahead(inner, k=options.k, alpha=options.alpha)
        else:
            from timm.optim import Lookahead

            self.optimizer = Lookahead(inner, alpha=options.alpha, k=options.k)

    def step(self):
        self.optimizer.step()

    def weights(self):
        return [param.detach().numpy() for param in self.params]


variants = {name: Variant(name) for name in options.variants.split(",")}
protocol.serve("torch", variants, sum(g.numel() for g in gradients))
