/* A red-black tree of mappings by their first page, with parent pointers, as a C library would have it. For trees.c: u64 is there. */
struct node { struct node *left, *right, *parent; u64 start, pages, target; int red, perm; };
static struct node nil_node, *nil = &nil_node, *root = &nil_node;
static void rotate(struct node *x, int left)
{
	struct node *y = left ? x->right : x->left;
	if (left) {
		x->right = y->left;
		if (y->left != nil)
			y->left->parent = x;
	} else {
		x->left = y->right;
		if (y->right != nil)
			y->right->parent = x;
	}
	y->parent = x->parent;
	if (x->parent == nil)
		root = y;
	else if (x == x->parent->left)
		x->parent->left = y;
	else
		x->parent->right = y;
	if (left)
		y->left = x;
	else
		y->right = x;
	x->parent = y;
}
static void rb_map(u64 start, u64 pages, u64 target)
{
	struct node *z = malloc(sizeof(*z)), *y = nil, *x = root;
	*z = (struct node){ nil, nil, nil, start, pages, target, 1, 3 };
	while (x != nil)
		y = x, x = start < x->start ? x->left : x->right;
	z->parent = y;
	if (y == nil)
		root = z;
	else if (start < y->start)
		y->left = z;
	else
		y->right = z;
	while (z->parent->red) {
		struct node *g = z->parent->parent;
		int left = z->parent == g->left;
		struct node *uncle = left ? g->right : g->left;
		if (uncle->red) {
			z->parent->red = uncle->red = 0;
			g->red = 1;
			z = g;
		} else {
			if (z == (left ? z->parent->right : z->parent->left))
				z = z->parent, rotate(z, left);
			z->parent->red = 0;
			g->red = 1;
			rotate(g, !left);
		}
	}
	root->red = 0;
}
static struct node *rb_node(u64 page)
{
	struct node *x = root;
	while (x != nil) {
		if (page < x->start)
			x = x->left;
		else if (page >= x->start + x->pages)
			x = x->right;
		else
			return x;
	}
	return NULL;
}
static u64 rb_find(u64 page)
{
	struct node *x = rb_node(page);
	return x ? x->target + page - x->start : 0;
}
static void transplant(struct node *u, struct node *v)
{
	if (u->parent == nil)
		root = v;
	else if (u == u->parent->left)
		u->parent->left = v;
	else
		u->parent->right = v;
	v->parent = u->parent;
}
static void rb_unmap(u64 start, u64 pages)
{
	struct node *z = rb_node(start), *y = z, *x;
	int red = y->red;
	(void)pages;
	if (z->left == nil)
		transplant(z, x = z->right);
	else if (z->right == nil)
		transplant(z, x = z->left);
	else {
		for (y = z->right; y->left != nil;)
			y = y->left;
		red = y->red;
		x = y->right;
		if (y->parent == z)
			x->parent = y;
		else {
			transplant(y, x);
			y->right = z->right;
			y->right->parent = y;
		}
		transplant(z, y);
		y->left = z->left;
		y->left->parent = y;
		y->red = z->red;
	}
	free(z);
	while (!red && x != root && !x->red) {
		int left = x == x->parent->left;
		struct node *w = left ? x->parent->right : x->parent->left;
		if (w->red) {
			w->red = 0;
			x->parent->red = 1;
			rotate(x->parent, left);
			w = left ? x->parent->right : x->parent->left;
		}
		if (!w->left->red && !w->right->red) {
			w->red = 1;
			x = x->parent;
		} else {
			if (!(left ? w->right : w->left)->red) {
				(left ? w->left : w->right)->red = 0;
				w->red = 1;
				rotate(w, !left);
				w = left ? x->parent->right : x->parent->left;
			}
			w->red = x->parent->red;
			x->parent->red = 0;
			(left ? w->right : w->left)->red = 0;
			rotate(x->parent, left);
			x = root;
		}
	}
	x->red = 0;
}
