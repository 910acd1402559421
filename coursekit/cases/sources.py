"""Where the failures are described: the four documents of the course, and published work."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Source:
    """A place that describes a failure.

    Attributes:
        key: A short name: ``"D3"``.
        title: The title of the document, paper or page.
        section: Where in it.
    """

    key: str
    title: str
    section: str


D0 = "How can I address normalization issues during model training?"
D1 = "What causes unpredictable behavior in PyTorch neural networks during training?"
D2 = "Why is my PyTorch model not training?"
D3 = "Why is gradient descent with PyTorch resulting in high loss?"

# Published work and documentation, for what the documents leave out or have wrong.
AMBROISE_2002 = Source(
    key="Ambroise 2002",
    title="Selection bias in gene extraction on the basis of microarray gene-expression data",
    section="Ambroise and McLachlan, PNAS 99(10)",
)
BA_2016 = Source(
    key="Ba 2016",
    title="Layer Normalization",
    section="Ba, Kiros and Hinton, arXiv:1607.06450",
)
COHEN_2021 = Source(
    key="Cohen 2021",
    title="Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability",
    section="Cohen et al., ICLR 2021",
)
GLOROT_2010 = Source(
    key="Glorot 2010",
    title="Understanding the difficulty of training deep feedforward neural networks",
    section="Glorot and Bengio, AISTATS 2010",
)
GOYAL_2017 = Source(
    key="Goyal 2017",
    title="Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour",
    section="Goyal et al., arXiv:1706.02677: the linear scaling rule",
)
HE_2015 = Source(
    key="He 2015",
    title="Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet "
    "Classification",
    section="He et al., ICCV 2015: initialization of filter weights for rectifiers",
)
HE_2016 = Source(
    key="He 2016",
    title="Deep Residual Learning for Image Recognition",
    section="He et al., CVPR 2016",
)
IOFFE_2015 = Source(
    key="Ioffe 2015",
    title="Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate "
    "Shift",
    section="Ioffe and Szegedy, ICML 2015",
)
KAUFMAN_2012 = Source(
    key="Kaufman 2012",
    title="Leakage in Data Mining: Formulation, Detection, and Avoidance",
    section="Kaufman et al., ACM TKDD 6(4)",
)
KERAS_FIT = Source(
    key="Keras docs",
    title="Keras 3 API documentation: Model training APIs",
    section="fit: validation_split",
)
LECUN_1998 = Source(
    key="LeCun 1998",
    title="Efficient BackProp",
    section="LeCun, Bottou, Orr and Müller: normalizing the inputs",
)
LOSHCHILOV_2017 = Source(
    key="Loshchilov 2017",
    title="SGDR: Stochastic Gradient Descent with Warm Restarts",
    section="Loshchilov and Hutter, ICLR 2017",
)
LOSHCHILOV_2019 = Source(
    key="Loshchilov 2019",
    title="Decoupled Weight Decay Regularization",
    section="Loshchilov and Hutter, ICLR 2019",
)
MICIKEVICIUS_2018 = Source(
    key="Micikevicius 2018",
    title="Mixed Precision Training",
    section="Micikevicius et al., ICLR 2018: a master copy of weights; loss scaling",
)
MIYATO_2018 = Source(
    key="Miyato 2018",
    title="Spectral Normalization for Generative Adversarial Networks",
    section="Miyato et al., ICLR 2018",
)
PASCANU_2013 = Source(
    key="Pascanu 2013",
    title="On the difficulty of training recurrent neural networks",
    section="Pascanu, Mikolov and Bengio, ICML 2013: scaling down the gradients",
)
SALIMANS_2016 = Source(
    key="Salimans 2016",
    title="Weight Normalization: A Simple Reparameterization to Accelerate Training of Deep "
    "Neural Networks",
    section="Salimans and Kingma, NeurIPS 2016: data-dependent initialization",
)
SANTURKAR_2018 = Source(
    key="Santurkar 2018",
    title="How Does Batch Normalization Help Optimization?",
    section="Santurkar et al., NeurIPS 2018",
)
TORCH_AMP = Source(
    key="PyTorch docs",
    title="PyTorch documentation: Automatic Mixed Precision package",
    section="Gradient scaling",
)
TORCH_OPTIM = Source(
    key="PyTorch docs",
    title="PyTorch documentation: torch.optim",
    section="Constructing it; taking an optimization step; how to adjust learning rate",
)
ZHANG_2017 = Source(
    key="Zhang 2017",
    title="Understanding deep learning requires rethinking generalization",
    section="Zhang et al., ICLR 2017: fitting random labels",
)
