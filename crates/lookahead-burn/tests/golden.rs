//! The module form against the golden trajectories of `testdata/trajectories`, made with PyTorch in f64 (Algorithm 1,
//! App. C.5): by tensor operations in f64, and by the kernels in place in f32.

mod device;
mod parameters;

use burn::optim::Optimizer;
use burn::tensor::DType;
use lookahead_burn::{AdaFactor, Adam, AdamW, Error, Lookahead, Sgd};
use lookahead_laws::golden::{Case, Inner, Tensor, Trajectories, assert_close};

use parameters::Parameters;

/// The absolute and relative tolerance. In f64 the two programs differ by rounding alone. In f32 every step rounds a
/// few times, by 6e-8 of weights and gradients around 1, and the up to 25 steps of a case add up.
const PRECISIONS: [(DType, f64, f64); 2] = [(DType::F64, 1e-14, 1e-12), (DType::F32, 1e-6, 1e-6)];

macro_rules! golden {
    ($($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() -> Result<(), Error> {
                check_file(stringify!($name))
            }
        )+
    };
}

golden!(adafactor, adam, adam_l2, adamw, heavy_ball, heavy_ball_dampened, nesterov, sgd);

fn check_file(stem: &str) -> Result<(), Error> {
    let file = Trajectories::read(stem);
    assert!(file.cases.len() >= 36, "{stem}.toml: 3 policies, 3 periods, 4 alphas");
    for case in &file.cases {
        let (lr, inner) = case.inner()?;
        for precision in PRECISIONS.into_iter().filter(|(dtype, ..)| device::under_test().supports_dtype(*dtype)) {
            let run = Run { stem, tensors: &file.tensors, case, precision };
            match inner {
                Inner::Sgd(rule) => run.follow(Sgd::from(rule), lr)?,
                Inner::Adam(rule) => run.follow(Adam::from(rule), lr)?,
                Inner::AdamW(rule) => run.follow(AdamW::from(rule), lr)?,
                Inner::AdaFactor(rule) => run.follow(AdaFactor::from(rule), lr)?,
            }
        }
    }
    Ok(())
}

struct Run<'a> {
    stem: &'a str,
    tensors: &'a [Tensor],
    case: &'a Case,
    precision: (DType, f64, f64),
}

impl Run<'_> {
    /// Compares fast and slow weights after each step.
    fn follow(&self, rule: impl Optimizer, lr: f64) -> Result<(), Error> {
        let Self { stem, tensors, case, precision: (dtype, absolute, relative) } = *self;
        let mut optimizer = Lookahead::with_config(rule, case.config()?)?;
        let mut module = Parameters::new();
        tensors.iter().for_each(|tensor| module.push(&tensor.shape, &tensor.initial, dtype));
        for t in 1..=case.steps() {
            let grads = module.gradients(&case.gradients(tensors, &module.values(), t));
            module = optimizer.step(lr, module, grads);
            let (fast, slow) = (module.values(), optimizer.slow_model(&module).values());
            for ((tensor, fast), slow) in tensors.iter().zip(&fast).zip(&slow) {
                let at = format!("{stem}.toml, case {}, {dtype:?}, step {t}, tensor {}", case.name, tensor.name);
                assert_close(&format!("{at}: fast weights"), fast, case.fast(tensor, t), absolute, relative);
                assert_close(&format!("{at}: slow weights"), slow, case.slow(tensor, t), absolute, relative);
            }
        }
        Ok(())
    }
}
