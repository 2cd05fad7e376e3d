//! The number of threads changes no bit.

use lookahead_nn::pool::{Denominator, ImageShape, Pooling, Window, global_average, global_average_backward};
use rayon::ThreadPoolBuilder;

use super::noise;

fn bits(pooling: &Pooling) -> Vec<u32> {
    let (inputs, outputs) = (pooling.input().elements(), pooling.output().elements());
    let [batch, _, _, channels] = pooling.input().dims();
    let (x, dy) = (noise(1, inputs), noise(2, outputs));
    let [mut max, mut average] = [(); 2].map(|()| vec![0.0; outputs]);
    let [mut dmax, mut daverage, mut dglobal] = [(); 3].map(|()| vec![0.0; inputs]);
    let (mut places, mut global) = (vec![0; outputs], vec![0.0; batch * channels]);
    pooling.max(&x, &mut max, &mut places).unwrap();
    pooling.max_backward(&dy, &places, &mut dmax).unwrap();
    pooling.average(Denominator::Pixels, &x, &mut average).unwrap();
    pooling.average_backward(Denominator::Pixels, &dy, &mut daverage).unwrap();
    global_average(pooling.input(), &x, &mut global).unwrap();
    global_average_backward(pooling.input(), &global, &mut dglobal).unwrap();
    let values = [max, average, dmax, daverage, global, dglobal].into_iter().flatten();
    values.map(f32::to_bits).chain(places).collect()
}

#[test]
fn one_two_and_three_threads_give_the_same_bits() {
    let window = Window::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]);
    for shape in [[1, 1, 1, 1], [3, 17, 19, 3], [4, 16, 16, 17], [8, 14, 14, 64]] {
        let pooling = Pooling::new(window, ImageShape::new(shape).unwrap()).unwrap();
        let with = |threads: usize| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bits(&pooling))
        };
        let expected = with(1);
        for threads in [2, 3] {
            assert!(with(threads) == expected, "{shape:?}, {threads} threads");
        }
    }
}
