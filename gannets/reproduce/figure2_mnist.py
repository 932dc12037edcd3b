"""Figure 2a: digits that G has made, beside the training digits that are nearest to some of them.

Goodfellow et al. 2014, figure 2a; the run is the one of table 1, see `table1_mnist.py`.
"""

from gannets.reproduce.common.nearest_sheet import Figure2
from gannets.reproduce.table1_mnist import table1_mnist

SECTION = "5"
TAKES = ("2 h", "20 s")

_quick = table1_mnist.quick()
figure2_mnist = Figure2(
    stages=(("goodfellow2014", table1_mnist.authors),),
    small=(("goodfellow2014", _quick.authors),),
    of="the authors' nets on MNIST",
)
