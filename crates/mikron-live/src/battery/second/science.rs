//! Numbers and plots by Python and R.

use std::fs;

use crate::battery::Stage;

/// Has the entrypoint run a program, and gives what it says.
fn calculate(stage: &Stage, option: &str, program: &str) -> String {
    stage.call(&[option, program]).well()
}

/// A picture that was drawn.
fn drawn(stage: &Stage, name: &str, begins: &[u8]) {
    let picture = fs::read(stage.rootfs().join("desk").join(name));
    let picture = picture.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(
        picture.starts_with(begins) && picture.len() > 2000,
        "{name}"
    );
}

pub(super) fn scipy(stage: &Stage) {
    let said = calculate(
        stage,
        "-c",
        "
import io, numpy, pandas, scipy.linalg, scipy.optimize, scipy.sparse.linalg, scipy.stats, scipy.fft, scipy.interpolate
print(round(scipy.linalg.det([[3., 8.], [4., 6.]])))
print(round(scipy.optimize.minimize(lambda x: (x[0] - 3) ** 2, [0.]).x[0], 3))
print(round(scipy.stats.norm.cdf(1.96), 3))
print(round(abs(scipy.fft.fft(numpy.ones(8))[0])))
print(scipy.sparse.linalg.eigsh(scipy.sparse.diags(numpy.arange(1., 9.)), k=1)[0].round(6)[0])
frame = pandas.read_csv(io.StringIO('day,value\\n2026-11-29,1\\n2026-11-30,41\\n'), parse_dates=['day'])
print(frame.value.sum(), frame.day.dt.tz_localize('Europe/Paris')[0].isoformat())
print(frame.resample('W', on='day').sum().to_csv().split()[1])
",
    );
    assert_eq!(
        said,
        "-14\n3.0\n0.975\n8\n8.0\n42 2026-11-29T00:00:00+01:00\n2026-11-29,1\n"
    );
}

pub(super) fn matplotlib(stage: &Stage) {
    let said = calculate(
        stage,
        "-c",
        "
import matplotlib
matplotlib.use('agg')
import matplotlib.pyplot as plot
figure, axes = plot.subplots()
axes.plot([1, 2, 3], [1, 4, 9], label='grün')
axes.set_title(r'$\\alpha^2 \\frac{1}{x}$')
axes.legend()
for kind in ['png', 'pdf', 'svg']:
    figure.savefig('/desk/plot.' + kind)
from matplotlib import cbook, font_manager
print(font_manager.FontProperties(family='DejaVu Sans').get_name())
",
    );
    assert!(said.ends_with("DejaVu Sans\n"), "{said}");
    assert!(!said.contains("not found"), "{said}");
    drawn(stage, "plot.png", b"\x89PNG");
    drawn(stage, "plot.pdf", b"%PDF");
    drawn(stage, "plot.svg", b"<?xml");
}

pub(super) fn sklearn(stage: &Stage) {
    let said = calculate(
        stage,
        "-c",
        "
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score
from sklearn.cluster import KMeans
from sklearn.svm import SVC
data, target = load_iris(return_X_y=True)
print(cross_val_score(RandomForestClassifier(20, random_state=1), data, target).mean() > 0.9)
print(SVC().fit(data, target).score(data, target) > 0.9, len(KMeans(3, n_init=2).fit(data).cluster_centers_))
",
    );
    assert_eq!(said, "True\nTrue 3\n");
}

pub(super) fn r(stage: &Stage) {
    let said = calculate(
        stage,
        "-e",
        "
library(ggplot2)
fit <- lm(mpg ~ wt, mtcars)
cat(round(coef(fit)[[2]], 3), '\\n')
plot <- ggplot(mtcars, aes(wt, mpg)) + geom_point() + geom_smooth(method = 'lm', formula = y ~ x) + ggtitle('Gr\\u00fcn')
ggsave('/desk/plot.png', plot, type = 'cairo', width = 3, height = 3)
ggsave('/desk/plot.pdf', plot, width = 3, height = 3)
cat(format(as.POSIXct(0, origin = '1970-01-01', tz = 'UTC'), tz = 'Europe/Paris', usetz = TRUE), '\\n')
cat(toupper('gr\\u00fcn'), round(qnorm(0.975), 2), det(matrix(c(3, 4, 8, 6), 2)), '\\n')
",
    );
    assert!(
        said.contains("-5.344")
            && said.contains("1970-01-01 01:00:00 CET")
            && said.contains("GRÜN 1.96 -14"),
        "{said}"
    );
    drawn(stage, "plot.png", b"\x89PNG");
    drawn(stage, "plot.pdf", b"%PDF");
}
