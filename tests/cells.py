"""Cells that show all that a kernel can show, by what they are about.

Each value is one cell, or several that run one after the other.  They share one namespace, as cells do.
"""

from __future__ import annotations

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

DISPLAYS: dict[str, str | list[str]] = {
    "a result": "1 + 1",
    "no result": ["None", "x = 5", "2 + 2;", "# nothing but a comment"],
    "html": "from IPython.display import HTML, JSON, Markdown, Image, SVG, Latex, Javascript, display\nHTML('<b>é</b>')",
    "several displays": "display(1, 'two', HTML('<i>3</i>'))\nprint('between')\ndisplay(Markdown('**4**'))\nLatex('$5$')",
    "json": "JSON({'a': [1, 2.5, None, True, (3, 4)], 'é': 'ü'}, expanded=True)",
    "png": f"import base64\nImage(base64.b64decode('{PNG}'), width=10)",
    "svg": 'SVG(\'<svg xmlns="http://www.w3.org/2000/svg"><rect width="1" height="1"/></svg>\')',
    "a bundle": "display({'text/plain': 'p', 'application/vnd.x+json': {'k': 1}}, raw=True, metadata={'text/plain': {'m': 2}})",
    "a class of one's own": """class Rich:
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {'text/html': '<u>r</u>', 'text/plain': 'r'}, {'text/html': {'isolated': True}}
Rich()""",
    "html of a class": "class H:\n    def _repr_html_(self): return '<p>h</p>'\n    def __repr__(self): return 'H!'\ndisplay(H())\nH()",
    "a frame": "import pandas as pd, numpy as np\ndf = pd.DataFrame({'a': [1, 2], 'b': [0.5, None]}, index=['é', 'z'])\ndf",
    "a styled frame": "df.style.set_uuid('u').format(precision=1).highlight_max(color='red')",
    "a long result": "list(range(2000))",
    "a dictionary": "{'b': [1] * 30, 'a': {'é' * 30: 'x' * 60}}",
    "print options stay": ["np.set_printoptions(precision=2); import decimal; decimal.getcontext().prec = 5",
                           "print(np.array([1.23456]), decimal.Decimal(1) / 3)"],
    "an update": ["h = display('first', display_id='one')\nh.update('second')", "h.update(HTML('third'))\nprint('elsewhere')",
                  "display('again', display_id='one')", "h.update('both')"],
    "an update of nothing": "from IPython.display import update_display\nupdate_display('x', display_id='unknown')",
    "clear": "from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('stays')",
    "clear later": "print('gone')\nclear_output(wait=True)\ndisplay('stays')\nclear_output(wait=True)",
    "a display id cleared": ["g = display('a', display_id='two')\nclear_output()\ndisplay('b', display_id='two')", "g.update('c')"],
    "a figure": "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(2, 1))\nax.plot([1, 3, 2])\nprint('below')",
    "a figure as result": "fig",
    "two figures and text": "plt.figure(figsize=(1, 1)); plt.plot([1]); plt.show()\nprint('x')\nplt.figure(figsize=(1, 1)); plt.plot([2]);",
    "inline": ["%matplotlib inline\n%config InlineBackend.figure_format = 'svg'", "import matplotlib as mpl\nprint(mpl.get_backend())",
               "%config InlineBackend.figure_formats = ['png']\n%config InlineBackend.print_figure_kwargs = {'dpi': 30}",
               "plt.figure(figsize=(1, 1)); plt.title('t')"],
    "a figure and an error": "plt.figure(figsize=(1, 1)); plt.plot([1, 2])\nraise ValueError('after a figure')",
}  # fmt: skip

TEXTS: dict[str, str | list[str]] = {
    "both streams": "import sys\nprint('o1')\nprint('e1', file=sys.stderr)\nprint('o2')\nsys.stderr.write('e2\\n')",
    "streams and displays": "print('a'); sys.stderr.write('b\\n')\ndisplay('c')\nprint('d', end='')\nsys.stdout.flush()\nprint('e', flush=True)",
    "slow streams": "import time\nprint('s1'); time.sleep(.4); print('s2', file=sys.stderr); time.sleep(.4); print('s3')",
    "a stream's ways": "print(sys.stdout.isatty(), sys.stdout.encoding, sys.stdout.name, sys.stdout.writable(), sys.stdout.closed)\n"
                       "sys.stdout.writelines(['a', 'b\\n'])\nprint(sys.stdout.write('é\\n'), hasattr(sys.stdout, 'buffer'))",
    "not a text": "try:\n    sys.stdout.write(b'x')\nexcept TypeError as e:\n    print(e)",
    "unicode": "print('é ü 🙂 \\u202f|\\u200b|\\x00|\\x1b[1mb\\x1b[0m')\n'🙂\\u2028'",
    "carriage returns": "print('10 %\\r20 %\\r30 %')\nprint('ab\\bc')",
    "many lines": "for i in range(3000): print(i)",
    "descriptor 1": "import os\nos.write(1, b'raw out\\n'); time.sleep(.1); _ = os.write(2, 'raw é\\n'.encode())",
    "C code": "import ctypes\nc = ctypes.CDLL(None)\n_ = c.puts(b'from C'); _ = c.fflush(None)",
    "a child process": "import subprocess\nprint('before', flush=True)\nsubprocess.run(['sh', '-c', 'echo child; sleep .1; echo err >&2']);\ntime.sleep(.1)",
    "a captured child": "subprocess.run(['echo', 'caught'], capture_output=True, text=True).stdout",
    "a forked child": "p = os.fork()\nif p == 0:\n    os.write(1, b'forked\\n'); os._exit(3)\nos.waitstatus_to_exitcode(os.waitpid(p, 0)[1])",
    "a bad byte": "_ = os.write(1, b'\\xff ok\\n')",
    "a shell line": ["!echo hello; echo $TERM $PAGER", "!exit 3", "_exit_code", "files = !printf 'a\\nb\\n'\nfiles", "name = 'w'\n!echo {name} $name"],
    "bash": ["%%bash\necho one\nsleep .5\necho two >&2\nsleep .5\nprintf three", "%%bash\nexit 4", "%%bash --out said\necho quiet", "said"],
    "capture": ["%%capture kept\nprint('hidden'); display('shown')\n7", "print(kept.stdout)\nkept.outputs", "kept.show()"],
    "redirected": "import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as f:\n    print('caught'); display('d')\nf.getvalue()",
    "a warning": ["import warnings\nwarnings.warn('careful')\nwarnings.warn('old', DeprecationWarning)",
                  "def f(): warnings.warn('deep', RuntimeWarning, stacklevel=2)\nf()\nf()"],
    "logging": ["import logging\nlogging.warning('w'); logging.info('not shown')", "logging.getLogger('x').error('e')",
                "logging.basicConfig(level=logging.INFO, format='%(levelname)s %(message)s', stream=sys.stdout, force=True)\nlogging.info('now')",
                "logging.basicConfig(level=30, force=True)"],
    "a thread": "import threading\nt = threading.Thread(target=lambda: (print('in a thread'), display('too')))\nt.start(); t.join()",
    "progress on stderr": "for i in range(3): sys.stderr.write(f'\\r{i}/3')\nsys.stderr.write('\\n')",
}  # fmt: skip

MACHINERY: dict[str, str | list[str]] = {
    "In and Out": ["40 + 2", "_", "print(_, __, Out[len(In) - 3], In[-2])", "print(len(In), sorted(Out)[-1], _i)"],
    "the shell": "ip = get_ipython()\nprint(type(ip).__name__, ip.execution_count, 'IPKernelApp' in ip.config, 'IPythonKernel' in str(type(ip.kernel).__mro__))",
    "the module": "import __main__\nprint(__name__, __main__.__name__, __main__.ip is ip, '__file__' in globals(), __builtins__.__name__)",
    "pickles of one's own": "import pickle\nclass P: pass\npickle.loads(pickle.dumps(P())).__class__ is P",
    "the folder": "print(_dh == [__import__('pathlib').Path.cwd()], ip.starting_dir == os.getcwd())\nprint(os.getcwd() == os.environ['HERE'], '' in sys.path, os.path.basename(sys.path[sys.path.index('') + 1]))",
    "the environment": "print({k: os.environ.get(k) for k in ('TERM', 'CLICOLOR', 'FORCE_COLOR', 'PAGER', 'GIT_PAGER', 'MPLBACKEND')})",
    "a session of its own": "print(os.getsid(0) == os.getpid(), sys.stdin.readable(), __import__('signal').getsignal(2))",
    "await": ["import asyncio\nawait asyncio.sleep(0.01, 'awaited')", "async def f(n):\n    await asyncio.sleep(n / 100)\n    print(n)\n    return n",
              "await asyncio.gather(f(3), f(1), f(2))", "task = asyncio.create_task(f(1))\ntask.done()", "await task",
              "async with asyncio.timeout(0.01):\n    await asyncio.sleep(5)", "async for i in __import__('types').SimpleNamespace(): pass"],
    "a loop that runs": ["asyncio.get_running_loop().is_running()", "c = f(1)\ntry:\n    asyncio.run(c)\nexcept RuntimeError as e:\n    print(e)\nc.close()"],
    "a task that goes on": ["late = asyncio.create_task(f(5))", "await asyncio.sleep(0.2)\nlate.result()"],
    "magics": ["%pwd\n%who_ls P", "%env QPV_X=1", "%env QPV_X", "%%time\npass", "%timeit -n1 -r1 pass", "%lsmagic;", "%alias_magic t timeit",
               "%precision 2", "3.14159", "%precision", "%xmode Plain", "1/0", "%xmode Context", "%pdef print", "%automagic", "%history -n 1-2",
               "%no_such_magic", "%%no_such_cell_magic\nx", "%%html\n<b>cell</b>", "%%javascript\n1", "%%latex\n$x$", "%psearch os.getp*",
               "%config InlineBackend.figure_formats", "%load_ext nothing_like_it", "%reset_selective -f zzz", "%store"],
    "a file written and run": ["%%writefile part.py\ny = 6 * 7\nprint('in', __name__, y)", "%run part.py\ny", "%run -n part.py", "import part",
                               "%run missing.py", "%pycat part.py", "%cat part.py"],
    "help": ["len?", "?len", "f??", "nothing_of_that_name?"],
    "input": ["input('name? ')", "import getpass\ngetpass.getpass()"],
    "errors": ["1/0", "def g(n):\n    return g2(n)\ndef g2(n):\n    raise KeyError(n)\ng('é')",
               "try:\n    int('x')\nexcept ValueError as e:\n    raise RuntimeError('chained') from e", "try:\n    {}['k']\nexcept KeyError:\n    1/0",
               "raise ValueError('a') from None", "assert x == 6, 'five'", "unknown_name", "import no_such_module", "json.loads('{')",
               "import json; json.loads('{')", "raise ExceptionGroup('g', [ValueError(1), TypeError('t')])", "e = ValueError('n'); e.add_note('a note'); raise e"],
    "syntax errors": ["1 +", "def f(:\n  pass", "for i in range(3):\nprint(i)", "'unclosed", "a b c", "return 3", "  indented = 1\n not_so = 2", "x = \\"],
    "interrupts": ["raise KeyboardInterrupt", "raise SystemExit", "raise SystemExit(3)", "sys.exit('bye')"],
    "an error of one's own": ["class Odd(Exception):\n    def __str__(self): return 'odd é\\n2nd line'\nraise Odd", "class Bad(Exception):\n    def __str__(self): 1/0\nraise Bad",
                              "class E2(Exception):\n    def _render_traceback_(self): return ['my', 'own']\nraise E2"],
    "an error in a repr": ["class R:\n    def __repr__(self): raise ValueError('in repr')\nR()", "class R2:\n    def _repr_html_(self): 1/0\n    def __repr__(self): return 'plain'\nR2()",
                           "display(R())", "print(R())", "print('still running')"],
    "recursion": "def r(): r()\ntry:\n    r()\nexcept RecursionError as e:\n    print(e)",
    "an error in a thread": "t = threading.Thread(target=lambda: 1/0)\nt.start(); t.join()",
    "hooks": ["ip.events.register('post_run_cell', lambda result: print('hook', result.success))", "5", "1/0",
              "ip.events.callbacks['post_run_cell'].clear()"],
    "an extension of display": ["ip.display_formatter.formatters['text/plain'].for_type(int, lambda o, p, c: p.text(f'<{o}>'))\n5", "5",
                                "ip.display_formatter.formatters['text/plain'].pop(int);"],
    "a transformed input": ["ip.input_transformers_cleanup.append(lambda lines: [l.replace('SPAM', '99') for l in lines])", "SPAM",
                            "ip.input_transformers_cleanup.pop();"],
    "a variable deleted": ["del x", "x"],
    "ask for the next cell": "ip.set_next_input('z = 1')\nprint('asked')",
    "the end": "print('end', get_ipython().execution_count)",
}  # fmt: skip

NOTEBOOKS = {
    "displays": DISPLAYS,
    "texts": {"imports": "from IPython.display import display", **TEXTS, "machinery": "x = 5", **MACHINERY},
}
