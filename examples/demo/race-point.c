/* SPDX-License-Identifier: MIT */
#include "race-point.h"

#include <string.h>

void race_point_init(struct race_point *race)
{
	memset(race, 0, sizeof(*race));
	pthread_mutex_init(&race->lock, NULL);
	pthread_cond_init(&race->changed, NULL);
}

void race_point_fini(struct race_point *race)
{
	pthread_cond_destroy(&race->changed);
	pthread_mutex_destroy(&race->lock);
}

void race_point_wrote(struct race_point *race, unsigned int buffer)
{
	pthread_mutex_lock(&race->lock);
	race->writes[buffer]++;
	pthread_cond_broadcast(&race->changed);
	pthread_mutex_unlock(&race->lock);
}

uint64_t race_point_writes(struct race_point *race, unsigned int buffer)
{
	uint64_t writes;

	pthread_mutex_lock(&race->lock);
	writes = race->writes[buffer];
	pthread_mutex_unlock(&race->lock);
	return writes;
}

void race_point_hold(struct race_point *race, unsigned int buffer, uint64_t writes)
{
	pthread_mutex_lock(&race->lock);
	while (race->writes[buffer] == writes && !race->over)
		pthread_cond_wait(&race->changed, &race->lock);
	if (race->writes[buffer] != writes)
		race->torn++;
	pthread_mutex_unlock(&race->lock);
}

void race_point_over(struct race_point *race)
{
	pthread_mutex_lock(&race->lock);
	race->over = true;
	pthread_cond_broadcast(&race->changed);
	pthread_mutex_unlock(&race->lock);
}
