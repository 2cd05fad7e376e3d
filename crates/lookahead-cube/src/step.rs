//! The optimizer's step as an operation of Burn's backends.

mod kernels;

use burn::backend::cubecl::dtype_to_elem_type;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, ExtensionType, backend_extension};
use burn::cubecl::CubeDim;
use burn::cubecl::{calculate_cube_count_elemwise, prelude::CubeCount};
use burn::tensor::{DType, Int, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;
use lookahead::kernels::{adam, momentum, sgd};

use self::kernels::{AdamNumbersLaunch, Kind, Outer, OuterNumbersLaunch, SgdNumbersLaunch};
use crate::{opens, opens_pair};

/// The numbers of a rule's step.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// SGD without momentum.
    Plain(sgd::Coefficients<f32>),
    /// SGD with the heavy ball.
    HeavyBall(sgd::Coefficients<f32>),
    /// SGD with Nesterov's momentum.
    Nesterov(sgd::Coefficients<f32>),
    /// Adam or AdamW.
    Adam(adam::Coefficients<f32>),
}

/// The numbers of a sync.
#[derive(Debug, Clone, Copy)]
pub enum OuterUpdate {
    /// Eq. 1 with this alpha.
    PullBack(f32),
    /// An outer step with momentum.
    Momentum(momentum::Coefficients<f32>),
}

/// The numbers of a step.
#[derive(Debug, Clone, Copy)]
pub struct Numbers {
    /// Of the rule.
    pub rule: Rule,
    /// Of the sync that follows, if one does.
    pub sync: Option<OuterUpdate>,
}

/// The moments of a rule.
#[derive(ExtensionType)]
#[extension_type(fusion: cfg(feature = "fusion"))]
pub enum Moments<B: Backend> {
    /// None: plain SGD.
    None,
    /// The velocity of SGD.
    One {
        /// v.
        first: FloatTensor<B>,
    },
    /// The moments of Adam.
    Two {
        /// m.
        first: FloatTensor<B>,
        /// v.
        second: FloatTensor<B>,
    },
}

/// What a sync works on besides theta.
#[derive(ExtensionType)]
#[extension_type(fusion: cfg(feature = "fusion"))]
pub enum Slow<B: Backend> {
    /// There is no sync in this step.
    None,
    /// Eq. 1.
    Weights {
        /// phi.
        slow: FloatTensor<B>,
        /// One integer, to which the number of elements refused is added.
        refused: IntTensor<B>,
    },
    /// An outer step with momentum.
    Momentum {
        /// phi.
        slow: FloatTensor<B>,
        /// b.
        buffer: FloatTensor<B>,
        /// One integer, to which the number of elements refused is added.
        refused: IntTensor<B>,
    },
}

/// The tensors that a step writes.
#[derive(ExtensionType)]
#[extension_type(fusion: cfg(feature = "fusion"))]
pub struct Step<B: Backend> {
    /// theta.
    pub theta: FloatTensor<B>,
    /// The moments.
    #[extension_type]
    pub moments: Moments<B>,
    /// The slow weights.
    #[extension_type]
    pub slow: Slow<B>,
}

/// The step as an operation of a backend.
#[backend_extension(Cube, Fusion: cfg(feature = "fusion"))]
pub trait StepKernels: Backend {
    /// A step in place, where nothing else holds the tensors.
    #[fusion(meta = |step, _grad, _numbers| step.clone())]
    fn optimizer_step(#[extension_type] step: Step<Self>, grad: FloatTensor<Self>, numbers: Numbers) -> Step<Self>;
}

impl StepKernels for CubeBackend {
    fn optimizer_step(step: Step<Self>, grad: CubeTensor, numbers: Numbers) -> Step<Self> {
        let elements = step.theta.meta.shape().num_elements();
        if elements == 0 {
            return step;
        }
        let theta = owned(step.theta);
        let client = theta.client.clone();
        let dim = CubeDim::new(&client, elements);
        let count: CubeCount = calculate_cube_count_elemwise(&client, elements, dim);
        let moments = step.moments.owned();
        // A buffer that the rule does not have is theta by another name, which the kernel does not touch.
        let alias = || theta.as_linear_view_alias(0);
        let view = |tensor: &CubeTensor| tensor.clone().into_linear_view();
        let (first, second) = match &moments {
            Moments::None => (alias(), alias()),
            Moments::One { first } => (view(first), alias()),
            Moments::Two { first, second } => (view(first), view(second)),
        };
        let dtypes = [theta.dtype, grad.dtype].map(dtype_to_elem_type);
        let is_half = theta.dtype != DType::F32;
        let grad = grad.into_linear_view_like(&theta);
        let (kind, sgd, adam) = numbers.rule.launch();
        let Some(sync) = numbers.sync else {
            kernels::step::launch(&client, count, dim, view(&theta), first, second, grad, sgd, adam, kind, dtypes);
            return Step { theta, moments, slow: step.slow };
        };
        let slow = step.slow.owned();
        let (outer, outer_numbers, begins, takes) = sync.launch();
        let (phi, buffer, refused) = match &slow {
            Slow::None => unreachable!("a sync has slow weights"),
            Slow::Weights { slow, refused } => (view(slow), alias(), refused),
            Slow::Momentum { slow, buffer, refused } => (view(slow), view(buffer), refused),
        };
        let refused = refused.clone().into_tensor_arg();
        kernels::step_and_sync::launch(
            &client,
            count,
            dim,
            view(&theta),
            first,
            second,
            phi,
            buffer,
            grad,
            refused,
            sgd,
            adam,
            outer_numbers,
            kind,
            outer,
            begins,
            takes,
            is_half,
            dtypes,
        );
        Step { theta, moments, slow }
    }
}

/// The tensor itself if nothing else holds its memory, else a copy.
fn owned(tensor: CubeTensor) -> CubeTensor {
    if tensor.can_mut() && tensor.is_nonoverlapping() { tensor } else { tensor.copy() }
}

impl Moments<CubeBackend> {
    fn owned(self) -> Self {
        match self {
            Self::None => Self::None,
            Self::One { first } => Self::One { first: owned(first) },
            Self::Two { first, second } => Self::Two { first: owned(first), second: owned(second) },
        }
    }
}

impl Slow<CubeBackend> {
    fn owned(self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Weights { slow, refused } => Self::Weights { slow: owned(slow), refused: owned(refused) },
            Self::Momentum { slow, buffer, refused } => {
                Self::Momentum { slow: owned(slow), buffer: owned(buffer), refused: owned(refused) }
            }
        }
    }
}

impl Rule {
    fn moments(self) -> usize {
        match self {
            Self::Plain(_) => 0,
            Self::HeavyBall(_) | Self::Nesterov(_) => 1,
            Self::Adam(_) => 2,
        }
    }

    fn launch(self) -> (Kind, SgdNumbersLaunch, AdamNumbersLaunch) {
        let sgd =
            |c: sgd::Coefficients<f32>| SgdNumbersLaunch::new(c.lr, c.weight_decay, c.momentum, c.gradient_weight);
        let no_sgd = || SgdNumbersLaunch::new(0.0, 0.0, 0.0, 0.0);
        let no_adam = || AdamNumbersLaunch::new(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        match self {
            Self::Plain(c) => (Kind::Plain, sgd(c), no_adam()),
            Self::HeavyBall(c) => (Kind::HeavyBall, sgd(c), no_adam()),
            Self::Nesterov(c) => (Kind::Nesterov, sgd(c), no_adam()),
            Self::Adam(c) => {
                let adam = AdamNumbersLaunch::new(
                    c.first_rest,
                    c.beta2,
                    c.second_rest,
                    c.step_size,
                    c.inverse_root,
                    c.epsilon,
                    c.coupled_decay,
                    c.keep,
                );
                (Kind::Adam, no_sgd(), adam)
            }
        }
    }
}

impl OuterUpdate {
    /// The kind of outer step, its numbers, whether the buffer begins anew, and whether alpha is 1.
    fn launch(self) -> (Outer, OuterNumbersLaunch, bool, bool) {
        match self {
            Self::PullBack(alpha) => (Outer::PullBack, OuterNumbersLaunch::new(alpha, 0.0, 0.0), true, alpha == 1.0),
            Self::Momentum(momentum::Coefficients { rate, momentum, kept, nesterov }) => {
                let outer = match (momentum == 0.0, nesterov) {
                    (true, _) => Outer::NoMomentum,
                    (false, true) => Outer::Nesterov,
                    (false, false) => Outer::HeavyBall,
                };
                (outer, OuterNumbersLaunch::new(rate, momentum, kept), kept == 0.0, rate == 1.0)
            }
        }
    }
}

/// The slow weights of a parameter, and the sync that they take part in.
#[derive(Debug, Clone)]
pub struct Synced<const D: usize> {
    /// The numbers of the sync.
    pub sync: OuterUpdate,
    /// phi.
    pub slow: Tensor<D>,
    /// b, for a sync with momentum.
    pub buffer: Option<Tensor<D>>,
    /// One integer of 32 bits, to which the number of elements refused as not finite is added.
    pub refused: Tensor<1, Int>,
}

/// One step of a parameter, and the sync if there is one, in one kernel. Gives back what it was given, a step further.
///
/// Theta and its gradient [open](opens_pair), every other tensor [`opens`], is on the same device and of the same shape; `moments` are as
/// many as the rule has. Memory that nothing else holds is written in place. A theta in half precision is rounded after the
/// rule's step, and after a sync is the number nearest to phi; one that is the nearest to phi before it has not moved.
///
/// # Panics
/// If one of these is not so.
pub fn step<const D: usize>(
    rule: Rule,
    theta: Tensor<D>,
    grad: Tensor<D>,
    moments: Vec<Tensor<D>>,
    synced: Option<Synced<D>>,
) -> (Tensor<D>, Vec<Tensor<D>>, Option<Synced<D>>) {
    let slow = synced.iter().flat_map(|synced| [Some(&synced.slow), synced.buffer.as_ref()]).flatten();
    let is_beside = |tensor: &Tensor<D>| tensor.dims() == theta.dims() && tensor.device() == theta.device();
    assert!(opens_pair(&theta, &grad), "a tensor that a step does not take");
    assert!(
        moments.iter().chain(slow).all(|other| opens(other) && is_beside(other)),
        "a tensor that is not beside theta"
    );
    assert_eq!(moments.len(), rule.moments(), "the moments of the rule");
    let has_buffer = |synced: &Synced<D>| synced.buffer.is_some() == matches!(synced.sync, OuterUpdate::Momentum(_));
    assert!(synced.iter().all(has_buffer), "a buffer where the sync has momentum, and only there");
    let numbers = Numbers { rule, sync: synced.as_ref().map(|synced| synced.sync) };
    let mut moments = moments.into_iter().map(Tensor::into_dispatch);
    let moments = match (moments.next(), moments.next()) {
        (None, _) => Moments::None,
        (Some(first), None) => Moments::One { first },
        (Some(first), Some(second)) => Moments::Two { first, second },
    };
    let slow = match synced {
        None => Slow::None,
        Some(Synced { slow, buffer: None, refused, .. }) => {
            Slow::Weights { slow: slow.into_dispatch(), refused: refused.into_dispatch() }
        }
        Some(Synced { slow, buffer: Some(buffer), refused, .. }) => Slow::Momentum {
            slow: slow.into_dispatch(),
            buffer: buffer.into_dispatch(),
            refused: refused.into_dispatch(),
        },
    };
    let step = Step { theta: theta.into_dispatch(), moments, slow };
    let Step { theta, moments, slow } = Dispatch::optimizer_step(step, grad.into_dispatch(), numbers);
    let moments = match moments {
        Moments::None => vec![],
        Moments::One { first } => vec![Tensor::from_dispatch(first)],
        Moments::Two { first, second } => vec![Tensor::from_dispatch(first), Tensor::from_dispatch(second)],
    };
    let synced = numbers.sync.and_then(|sync| {
        let (slow, buffer, refused) = match slow {
            Slow::None => return None,
            Slow::Weights { slow, refused } => (slow, None, refused),
            Slow::Momentum { slow, buffer, refused } => (slow, Some(Tensor::from_dispatch(buffer)), refused),
        };
        Some(Synced { sync, slow: Tensor::from_dispatch(slow), buffer, refused: Tensor::from_dispatch(refused) })
    });
    (Tensor::from_dispatch(theta), moments, synced)
}
